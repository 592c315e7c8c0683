/** A text as the carrier keeps it. */
export interface CarrierMessage {
  sid: string
  to: string
  from: string
  body: string
  status: string
  date_created: string
  callback: string
  media: string[]
}

/**
 * The carrier's side of texts: takes them and never says a word. Numbers that begin with +999 are refused; what a text
 * says of itself befalls its first request: `[answer lost]`, `[request lost]`, `[busy]`.
 *
 * @returns an answer for what is about texts
 */
export function messageCarrier(): (
  request: Request,
  form: URLSearchParams,
) => Response | undefined {
  const messages: CarrierMessage[] = []
  const met = new Set<string>()

  function take(form: URLSearchParams): Response {
    const [to, from, body] = ['To', 'From', 'Body'].map((name) => form.get(name) ?? '') as [
      string,
      string,
      string,
    ]
    if (/^(whatsapp:)?\+999/.test(to))
      return Response.json({ code: 21211, status: 400 }, { status: 400 })
    const fault = /\[([a-z ]+)\]/.exec(body)?.[1]
    const isFirst = !met.has(`${to} ${body}`)
    met.add(`${to} ${body}`)
    if (isFirst && fault === 'busy')
      return Response.json({ code: 20429 }, { status: 429, headers: { 'retry-after': '1' } })
    if (isFirst && fault === 'request lost') return new Response('away', { status: 503 })
    const message = {
      sid: `SM${crypto.randomUUID().replaceAll('-', '')}`,
      to,
      from,
      body,
      status: 'queued',
      date_created: new Date().toUTCString(),
      callback: form.get('StatusCallback') ?? '',
      media: form.getAll('MediaUrl'),
    }
    messages.unshift(message)
    if (isFirst && fault === 'answer lost') return new Response('away', { status: 503 })
    return Response.json(message, { status: 201 })
  }

  return (request, form) => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/messages') return Response.json({ data: messages })
    const [, sid] = /\/Messages(?:\/(\w+))?\.json$/.exec(pathname) ?? []
    if (!/\/Messages(\/|\.json)/.test(pathname)) return undefined
    if (request.method === 'POST') return take(form)
    if (sid === undefined)
      return Response.json({
        messages: messages.filter(
          ({ to, from }) => to === searchParams.get('To') && from === searchParams.get('From'),
        ),
      })
    const found = messages.find((message) => message.sid === sid)
    return found === undefined
      ? Response.json({ code: 20404 }, { status: 404 })
      : Response.json(found)
  }
}
