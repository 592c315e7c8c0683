import { Layout, toHtml } from './layout.tsx'

export interface ErrorPageProps {
  title: string
  detail: string
  /** For who asks us about it. */
  requestId?: string | undefined
}

/** Says what went wrong and leads nowhere: what a request names is no place to send anybody (RFC 9700 §4.11). */
export function errorPage({ title, detail, requestId }: ErrorPageProps): string {
  return toHtml(
    <Layout title={title} failed>
      <p role="alert">{detail}</p>
      <p>Go back to the app you came from and start again.</p>
      {requestId === undefined ? null : (
        <p class="hint">
          Request <code>{requestId}</code>
        </p>
      )}
    </Layout>,
  )
}
