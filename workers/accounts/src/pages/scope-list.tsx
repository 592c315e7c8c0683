import { scopeWords } from './scope-words.ts'

/** What an app asks for; what reaches further than one's own stands out in words, not by its colour alone. */
export const ScopeList = ({ scopes }: { scopes: readonly string[] }) => (
  <ul class="scopes">
    {scopeWords(scopes).map(({ text, wide }) => (
      <li class={wide ? 'wide' : undefined}>
        <span>{text}</span>
        {wide ? <span class="tag">reaches beyond your account</span> : null}
      </li>
    ))}
  </ul>
)
