import type { SecondFactorMethod } from '@menagerie/contracts'
import { type FormTarget, PasskeyForm, StepForm, WaysOut } from './forms.tsx'
import { Layout, toHtml } from './layout.tsx'
import { Alert, Field, Notice } from './parts.tsx'

export interface SecondFactorPageProps {
  target: FormTarget
  clientName: string
  /** Those that the account has. */
  methods: readonly SecondFactorMethod[]
  /** The one that is shown. */
  method: SecondFactorMethod
  /** Whether a code is on its way, for `sms` and `email`. */
  sent?: boolean
  /** For `passkey`: its challenge and options, as JSON. */
  passkeyOptions?: string | undefined
  error?: string | undefined
}

const names: Readonly<Record<SecondFactorMethod, string>> = {
  totp: 'Code of your authenticator app',
  passkey: 'Passkey',
  sms: 'Code by SMS',
  email: 'Code by e-mail',
  recovery_code: 'Recovery code',
}

/** The second step of a sign-in, one way at a time; the others stand below it. */
export function secondFactorPage(props: SecondFactorPageProps): string {
  const { target, clientName, methods, method, error } = props
  const others = methods.filter((each) => each !== method)
  return toHtml(
    <Layout
      title="Confirm that it is you"
      failed={error !== undefined}
      scripts={method === 'passkey' ? ['page.js', 'passkey-form.js'] : ['page.js']}
    >
      <p class="lead">
        to go on to <strong>{clientName}</strong>
      </p>
      <Alert text={error} />
      <Method {...props} />
      {others.length === 0 ? null : (
        <nav class="others" aria-labelledby="others">
          <h2 id="others">Another way</h2>
          <ul>
            {others.map((each) => (
              <li>
                <a href={`${target.action}?method=${each}`}>{names[each]}</a>
              </li>
            ))}
          </ul>
        </nav>
      )}
      <WaysOut target={target} restart />
    </Layout>,
  )
}

/** Switches without a default: a new method is an error until it has its form. */
function Method(props: SecondFactorPageProps) {
  const { target, sent = false } = props
  switch (props.method) {
    case 'totp':
      return <CodeForm {...props} label={names.totp} hint="The six digits it shows now." />
    case 'recovery_code':
      return (
        <CodeForm
          {...props}
          label={names.recovery_code}
          hint="One of those you kept when you set up your app. Each works once."
        />
      )
    case 'sms':
    case 'email':
      return sent ? (
        <Sent {...props} />
      ) : (
        <StepForm target={target} step="send" class="stack">
          <input type="hidden" name="method" value={props.method} />
          <p>
            We send a code {props.method === 'sms' ? 'to your phone' : 'to your e-mail address'}.
          </p>
          <button type="submit" class="primary">
            Send the code
          </button>
        </StepForm>
      )
    case 'passkey':
      return (
        <>
          <PasskeyForm
            target={target}
            step="second-factor"
            label="Use your passkey"
            options={props.passkeyOptions ?? ''}
            method="passkey"
            primary
          />
          <p class="hint" data-passkey-none>
            This needs a browser with passkeys and with JavaScript turned on.
          </p>
        </>
      )
  }
}

const Sent = (props: SecondFactorPageProps) => (
  <>
    {props.error === undefined ? (
      <Notice>
        A code is on its way {props.method === 'sms' ? 'to your phone' : 'to your e-mail address'}.
      </Notice>
    ) : null}
    <CodeForm {...props} label="Code" hint="Six digits, good for five minutes." />
    <StepForm target={props.target} step="send" class="aside">
      <input type="hidden" name="method" value={props.method} />
      <button type="submit" class="link">
        Send another code
      </button>
    </StepForm>
  </>
)

/** Recovery codes have letters too; the others are digits and are offered by the phone that gets them. */
const CodeForm = ({
  target,
  method,
  error,
  label,
  hint,
}: SecondFactorPageProps & { label: string; hint: string }) => (
  <StepForm target={target} step="second-factor" class="stack">
    <input type="hidden" name="method" value={method} />
    <Field
      name="code"
      label={label}
      hint={hint}
      invalid={error !== undefined}
      autofocus
      autocomplete={method === 'recovery_code' ? 'off' : 'one-time-code'}
      inputmode={method === 'recovery_code' ? 'text' : 'numeric'}
      maxlength={64}
      class="code"
    />
    <button type="submit" class="primary">
      Continue
    </button>
  </StepForm>
)
