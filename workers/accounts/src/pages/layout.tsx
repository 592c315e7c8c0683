import type { Child } from 'hono/jsx'

/** Where the gateway serves what the pages load; they load nothing else. */
export const assets = '/assets/hosted'

export interface LayoutProps {
  title: string
  /** Files of `/assets/hosted`, loaded as modules. Every form but those of passkeys and new passwords works without. */
  scripts?: readonly string[]
  /** Put before the title, so that who hears the page learns at once that something went wrong. */
  failed?: boolean
  children: Child
}

/** The frame of every page: one card with our mark, one heading. */
export const Layout = ({ title, scripts = ['page.js'], failed = false, children }: LayoutProps) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <title>{`${failed ? 'Error: ' : ''}${title} · Menagerie`}</title>
      <link rel="icon" href="/assets/icon.svg" type="image/svg+xml" />
      <link rel="stylesheet" href={`${assets}/hosted.css`} />
      {scripts.map((file) => (
        <script type="module" src={`${assets}/${file}`} />
      ))}
    </head>
    <body>
      <main class="card">
        <p class="brand">
          <img src="/assets/icon.svg" alt="" width="28" height="28" />
          Menagerie
        </p>
        <h1>{title}</h1>
        {children}
      </main>
    </body>
  </html>
)

/** A page as the text of an HTML document. The pages await nothing, so there is nothing to wait for. */
export const toHtml = (page: { toString(): string | Promise<string> }): string =>
  `<!doctype html>${page}`
