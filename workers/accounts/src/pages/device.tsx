import { readEngineForm } from './engine-form.ts'
import { Layout, toHtml } from './layout.tsx'
import { Alert, Field, Hidden, Notice } from './parts.tsx'
import { ScopeList } from './scope-list.tsx'

/** What the engine's errors mean, by the names of their classes (RFC 8628 §3.3). */
const problems: Readonly<Record<string, string>> = {
  NoCodeError: 'Type in the code that your device shows.',
  NotFoundError: 'There is no such code. Look at your device again.',
  ExpiredError: 'This code is too old. Start again on your device to get a new one.',
  AlreadyUsedError: 'This code was already used. Start again on your device to get a new one.',
  TooManyCodesError: 'Too many codes were tried from here. Wait a few minutes and try again.',
}

export interface DevicePageProps {
  /** The engine's own form, for its address and hidden fields. */
  form: string
  /** The name of the engine's error or a text; `AbortedError` is no failure. */
  error?: string | undefined
}

/** Where the code of a device without a keyboard is typed in (RFC 8628 §3.3). */
export function devicePage({ form, error }: DevicePageProps): string {
  const { action, hidden, userCode } = readEngineForm(form)
  const aborted = error === 'AbortedError'
  const problem = error === undefined || aborted ? undefined : (problems[error] ?? error)
  return toHtml(
    <Layout title="Connect a device" failed={problem !== undefined}>
      {aborted ? <Notice>You said no. The device was not connected.</Notice> : null}
      <Alert text={problem} />
      <form method="post" action={action} class="stack">
        <Hidden fields={hidden} />
        <Field
          name="user_code"
          label="Code on your device"
          hint="Letters and digits; a dash or capitals do not matter."
          value={userCode}
          invalid={problem !== undefined}
          autofocus
          autocomplete="off"
          maxlength={32}
          class="code"
        />
        <button type="submit" class="primary">
          Continue
        </button>
      </form>
    </Layout>,
  )
}

export interface DeviceConfirmPageProps {
  form: string
  clientName: string
  /** As the device shows it. */
  userCode: string
  scopes: readonly string[]
}

/** Asks whether the code is the one on the device: who was sent a foreign code must see it (RFC 8628 §5.4). */
export function deviceConfirmPage({
  form,
  clientName,
  userCode,
  scopes,
}: DeviceConfirmPageProps): string {
  const { action, hidden } = readEngineForm(form)
  return toHtml(
    <Layout title="Is this your device?">
      <p>
        <strong>{clientName}</strong> wants to connect a device that shows this code:
      </p>
      <p class="user-code">
        <code>{userCode}</code>
      </p>
      <p>It wants to:</p>
      <ScopeList scopes={scopes} />
      <p class="hint">
        If you did not start this yourself, or if somebody sent you the code, say no.
      </p>
      <form method="post" action={action} class="choices">
        <Hidden fields={hidden} />
        <button type="submit" class="primary">
          Connect
        </button>
        <button type="submit" class="quiet" name="abort" value="yes">
          No
        </button>
      </form>
    </Layout>,
  )
}

/** After the device was let in. */
export function deviceDonePage({ clientName }: { clientName?: string } = {}): string {
  return toHtml(
    <Layout title="Your device is connected">
      <p class="done" aria-hidden="true" />
      <p>
        {clientName === undefined ? 'It' : <strong>{clientName}</strong>} will go on in a few
        seconds. You can close this page.
      </p>
    </Layout>,
  )
}
