import { type FormTarget, PasskeyForm, StepForm, WaysOut } from './forms.tsx'
import { Layout, toHtml } from './layout.tsx'
import { Alert, Field } from './parts.tsx'

export interface SignInPageProps {
  target: FormTarget
  /** The app that asks. */
  clientName: string
  /** Where a forgotten password is told. */
  resetPath: string
  /** As typed in last. The password is never given back. */
  identifier?: string | undefined
  /** Whether name and password are what went wrong. */
  invalid?: boolean
  error?: string | undefined
}

/** Name and password, or a passkey. */
export function signInPage(props: SignInPageProps): string {
  const { target, clientName, identifier, invalid = false, error } = props
  return toHtml(
    <Layout title="Sign in" failed={error !== undefined} scripts={['page.js', 'passkey-form.js']}>
      <p class="lead">
        to go on to <strong>{clientName}</strong>
      </p>
      <Alert text={error} />
      <StepForm target={target} step="password" class="stack">
        <Field
          name="identifier"
          label="Phone number or e-mail"
          value={identifier}
          invalid={invalid}
          autofocus={identifier === undefined}
          autocomplete="username"
          maxlength={254}
        />
        <Field
          name="password"
          label="Password"
          type="password"
          invalid={invalid}
          autofocus={identifier !== undefined}
          autocomplete="current-password"
          maxlength={1024}
        />
        <p class="aside">
          <a href={props.resetPath}>Forgot your password?</a>
        </p>
        <button type="submit" class="primary">
          Sign in
        </button>
      </StepForm>
      <div class="or" data-passkey-only hidden>
        or
      </div>
      <PasskeyForm target={target} step="passkey" label="Sign in with a passkey" />
      <WaysOut target={target} />
    </Layout>,
  )
}
