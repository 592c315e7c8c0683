/** A form of the engine, read so that the page can show it with its own labels and buttons. */
export interface EngineForm {
  action: string
  /** Its hidden fields, such as `xsrf`. */
  hidden: Record<string, string>
  /** What was typed in last, where the engine gives it back. */
  userCode: string | undefined
}

/**
 * Reads the forms oidc-provider hands to `userCodeInputSource`, `userCodeConfirmSource` and `logoutSource`: one `form` with
 * double-quoted attributes. Their own markup has no labels and an inline handler, which the pages' policy forbids.
 *
 * @throws Error for anything else: a page that sends nothing would look as if it worked
 */
export function readEngineForm(html: string): EngineForm {
  const action = attributesOf(/<form\s[^>]*>/.exec(html)?.[0] ?? '').action
  if (action === undefined) throw new Error('the engine gave no form')
  const inputs = [...html.matchAll(/<input\s[^>]*>/g)].map(([tag]) => attributesOf(tag))
  const hidden = inputs
    .filter((input) => input.type === 'hidden')
    .map((input) => [input.name ?? '', input.value ?? ''])
  const typed = inputs.find((input) => input.type !== 'hidden' && input.name === 'user_code')
  return { action, hidden: Object.fromEntries(hidden), userCode: typed?.value }
}

const attributesOf = (tag: string): Record<string, string> =>
  Object.fromEntries(
    [...tag.matchAll(/\s([\w-]+)="([^"]*)"/g)].map(([, name = '', value = '']) => [
      name,
      unescapeHtml(value),
    ]),
  )

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"' }

const unescapeHtml = (text: string): string =>
  text.replaceAll(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
    return named[name.toLowerCase()] ?? whole
  })
