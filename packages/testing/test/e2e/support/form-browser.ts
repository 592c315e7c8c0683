/** A page of ours as a browser without scripts has it. */
export interface Page {
  url: URL
  status: number
  html: string
  headers: Headers
}

/**
 * Follows redirects, keeps cookies and sends forms, as a browser without scripts does. Stops at the first address of
 * another origin, which is the app's.
 */
export class FormBrowser {
  /** Shown on the consent page's button. */
  static readonly allow = 'value="allow"'
  readonly #origin: string
  readonly #cookies = new Map<string, string>()
  /** Every `Set-Cookie` seen. */
  readonly cookiesSet: string[] = []

  constructor(origin: string) {
    this.#origin = origin
  }

  async open(url: string | URL, init: RequestInit = {}): Promise<Page> {
    let at = new URL(url)
    let request = init
    for (let hops = 0; hops < 15; hops++) {
      if (at.origin !== this.#origin) return this.#page(at, new Response('', { status: 303 }))
      const response = await fetch(at, {
        ...request,
        redirect: 'manual',
        headers: { ...this.#cookieHeader(), ...request.headers },
      })
      this.#keep(response)
      const location = response.headers.get('location')
      if (response.status < 300 || response.status > 399 || location === null)
        return this.#page(at, response)
      await response.body?.cancel()
      at = new URL(location, at)
      request = {}
    }
    throw new Error(`${String(url)} redirects for ever`)
  }

  /**
   * Sends the first form of a page that holds a text, such as `name="password"`.
   *
   * @throws Error when there is none
   */
  submit(page: Page, holding: string, values: Record<string, string> = {}): Promise<Page> {
    const forms = [...page.html.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)]
    const form = forms.find(([, , inside = '']) => inside.includes(holding))
    if (form === undefined) throw new Error(`no form with ${holding} at ${page.url}:\n${page.html}`)
    const [, attributes = '', inside = ''] = form
    const fields = new URLSearchParams()
    for (const [input] of inside.matchAll(/<input\b[^>]*>/g)) {
      const name = attributeOf(input, 'name')
      if (name !== undefined && attributeOf(input, 'type') === 'hidden')
        fields.set(name, attributeOf(input, 'value') ?? '')
    }
    for (const [name, value] of Object.entries(values)) fields.set(name, value)
    const action = new URL(attributeOf(attributes, 'action') ?? '', page.url)
    return this.open(action, {
      method: 'POST',
      body: fields,
      headers: { origin: page.url.origin, 'sec-fetch-site': 'same-origin' },
    })
  }

  async #page(url: URL, response: Response): Promise<Page> {
    return { url, status: response.status, html: await response.text(), headers: response.headers }
  }

  #cookieHeader(): Record<string, string> {
    const pairs = [...this.#cookies].map(([name, value]) => `${name}=${value}`)
    return pairs.length === 0 ? {} : { cookie: pairs.join('; ') }
  }

  #keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      this.cookiesSet.push(line)
      const [pair = ''] = line.split(';')
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      if (value === '' || /max-age=0|expires=thu, 01 jan 1970/i.test(line))
        this.#cookies.delete(name)
      else this.#cookies.set(name, value)
    }
  }
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1]
  return value
    ?.replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
