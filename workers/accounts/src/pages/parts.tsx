import type { Child } from 'hono/jsx'

/** Told when the page opens, and by screen readers at once. Nothing where there is nothing to tell. */
export const Alert = ({ text }: { text: string | undefined }) =>
  text === undefined ? null : (
    <p class="notice error" role="alert" id="problem">
      {text}
    </p>
  )

/** Something that went well, or that one should know. */
export const Notice = ({ children }: { children: Child }) => (
  <p class="notice" role="status">
    {children}
  </p>
)

/** What a form sends besides what is typed in. */
export const Hidden = ({ fields }: { fields: Readonly<Record<string, string>> }) => (
  <>
    {Object.entries(fields).map(([name, value]) => (
      <input type="hidden" name={name} value={value} />
    ))}
  </>
)

export interface FieldProps {
  name: string
  label: string
  type?: 'text' | 'password'
  value?: string | undefined
  hint?: Child
  /** Whether what was typed in last was wrong: the page's alert says why. */
  invalid?: boolean
  autofocus?: boolean
  autocomplete: string
  inputmode?: 'numeric' | 'text' | 'email'
  maxlength?: number
  minlength?: number
  class?: string
}

/** A field under its label, tied to its hint and to the page's alert. */
export const Field = ({ name, label, hint, invalid = false, ...rest }: FieldProps) => {
  const { type = 'text' } = rest
  const described = [hint === undefined ? [] : `${name}-hint`, invalid ? 'problem' : []].flat()
  return (
    <div class="field">
      <label for={name}>{label}</label>
      <input
        {...rest}
        type={type}
        id={name}
        name={name}
        required
        autocapitalize={type === 'password' ? undefined : 'none'}
        aria-describedby={described.length === 0 ? undefined : described.join(' ')}
        aria-invalid={invalid ? 'true' : undefined}
      />
      {hint === undefined ? null : (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
