import { readEngineForm } from './engine-form.ts'
import { Layout, toHtml } from './layout.tsx'
import { Hidden } from './parts.tsx'

export interface LogoutPageProps {
  /** The engine's own form, for its address and hidden fields. */
  form: string
  /** The app that asked for it, if one did. */
  clientName?: string | undefined
}

/** Asks before a sign-out: a link on somebody else's page must not end a session (OIDC RP-Initiated Logout 1.0 §2). */
export function logoutPage({ form, clientName }: LogoutPageProps): string {
  const { action, hidden } = readEngineForm(form)
  return toHtml(
    <Layout title="Sign out?">
      <p>
        {clientName === undefined ? null : (
          <>
            You come from <strong>{clientName}</strong>.{' '}
          </>
        )}
        This ends your session in this browser, in every app you signed in to with it.
      </p>
      <form method="post" action={action} class="choices">
        <Hidden fields={hidden} />
        <button type="submit" class="primary" name="logout" value="yes">
          Sign out
        </button>
        <button type="submit" class="quiet">
          Stay signed in
        </button>
      </form>
    </Layout>,
  )
}

/** After a sign-out that no app waits for. */
export function loggedOutPage(): string {
  return toHtml(
    <Layout title="You are signed out">
      <p class="done" aria-hidden="true" />
      <p>You can close this page.</p>
    </Layout>,
  )
}
