import { messageCarrier } from './message-carrier.ts'

/**
 * A carrier for tests of this Worker alone: takes calls and never says a word, so that what it tells is up to the
 * test. Runs in Node, in the place of everything that the Worker fetches from outside. How we get on with a carrier
 * that talks is shown with the lab's, in the tests of the whole system.
 */
export function silentCarrier(): (request: Request) => Promise<Response> {
  const calls = new Map<string, { sid: string; token: string; status: string; from: string }>()

  const texts = messageCarrier()

  return async (request) => {
    const { pathname } = new URL(request.url)
    const form = new URLSearchParams(await request.text())
    const aboutText = texts(request, form)
    if (aboutText !== undefined) return aboutText
    const sid = /\/Calls\/(CA\w+)\.json$/.exec(pathname)?.[1]
    if (pathname === '/calls') return Response.json({ data: [...calls.values()] })
    if (request.method === 'POST' && sid === undefined) {
      const to = form.get('To') ?? ''
      // A number that this carrier will not dial.
      if (to.startsWith('+999')) return Response.json({ code: 21215, status: 400 }, { status: 400 })
      const made = `CA${crypto.randomUUID().replaceAll('-', '')}`
      const token = request.headers.get('idempotency-key') ?? ''
      calls.set(made, { sid: made, token, status: 'queued', from: form.get('From') ?? '' })
      return Response.json({ sid: made, status: 'queued' }, { status: 201 })
    }
    const call = sid === undefined ? undefined : calls.get(sid)
    if (call === undefined) return Response.json({ code: 20404, status: 404 }, { status: 404 })
    if (request.method === 'POST') call.status = form.get('Status') ?? call.status
    return Response.json(call)
  }
}
