import { Layout, toHtml } from './layout.tsx'
import { Field } from './parts.tsx'

export interface PasswordResetPageProps {
  /** Characters a new password has at least. */
  minLength: number
  /** The same for who has a second factor. */
  minLengthWithSecondFactor: number
}

/**
 * Behind the link of a forgotten password. The token stands in the fragment, which browsers send to nobody (S52), so a
 * script must read it. Without one the page asks where the link shall go.
 */
export function passwordResetPage(props: PasswordResetPageProps): string {
  return toHtml(
    <Layout title="Set a new password" scripts={['page.js', 'password-reset.js']}>
      <noscript>
        <p class="notice error">This page needs JavaScript; please turn it on.</p>
      </noscript>
      <p class="notice error" role="alert" id="problem" hidden />
      <form class="stack" id="forgot" hidden>
        <p>Tell us who you are, and we send you a link to set a new password.</p>
        <Field
          name="username"
          label="Phone number or e-mail"
          autocomplete="username"
          maxlength={254}
        />
        <button type="submit" class="primary">
          Send the link
        </button>
      </form>
      <form class="stack" id="reset" hidden>
        <Field
          name="password"
          label="New password"
          type="password"
          hint={
            <>
              At least {props.minLength} characters ({props.minLengthWithSecondFactor} if you have a
              second factor). A few unusual words are easy to keep in mind. It ends your sessions
              everywhere.
            </>
          }
          autocomplete="new-password"
          minlength={props.minLengthWithSecondFactor}
          maxlength={1024}
        />
        <button type="submit" class="primary">
          Set the password
        </button>
      </form>
      <div id="sent" hidden tabindex={-1}>
        <p class="notice" role="status">
          If there is such an account, a link is on its way. It works once, for 15 minutes.
        </p>
        <p>You can close this page.</p>
      </div>
      <div id="done" hidden tabindex={-1}>
        <p class="notice" role="status">
          Your password is set. Sign in with it in the app you came from.
        </p>
      </div>
    </Layout>,
  )
}
