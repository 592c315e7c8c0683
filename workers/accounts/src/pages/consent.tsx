import { type FormTarget, StepForm } from './forms.tsx'
import { Layout, toHtml } from './layout.tsx'
import { ScopeList } from './scope-list.tsx'

export interface ConsentPageProps {
  target: FormTarget
  clientName: string
  /** Where the browser goes next: an app's name is what it says of itself. `undefined` for a device's. */
  returnsTo: string | undefined
  /** The account as its owner knows it. */
  account: string
  scopes: readonly string[]
}

/** Asks whether an app that is not ours may have what it asks for (RFC 6749 §10.2). */
export function consentPage(props: ConsentPageProps): string {
  const { target, clientName } = props
  return toHtml(
    <Layout title={`Let ${clientName} use your account?`}>
      <p class="account">
        <span class="visually-hidden">Signed in as </span>
        {props.account}
      </p>
      <p>
        <strong>{clientName}</strong> wants to:
      </p>
      <ScopeList scopes={props.scopes} />
      <p class="hint">
        It never learns your password, and you can end its access whenever you like.
        {props.returnsTo === undefined ? null : (
          <>
            {' '}
            You go back to <strong>{props.returnsTo}</strong> in either case.
          </>
        )}
      </p>
      <StepForm target={target} class="choices">
        <button type="submit" class="primary" name="step" value="allow">
          Allow
        </button>
        <button type="submit" class="quiet" name="step" value="deny">
          Refuse
        </button>
      </StepForm>
    </Layout>,
  )
}
