/** An e-mail as the provider took it, or an SMS, whose sender stands as its subject. */
export interface SentEmail {
  key: string
  authorization: string
  to: string
  subject: string
  text: string
}

/**
 * An e-mail provider of Resend's shape for tests of this Worker alone: it honours `Idempotency-Key`, and does what the
 * address asks: `{plan}+{anything}@plan.test`, the plan's words for one attempt each, the last for all that follow. Runs
 * in Node, in the place of everything that the Worker fetches from outside.
 */
export function fakeProvider(): (request: Request) => Promise<Response> {
  const sent = new Map<string, SentEmail>()
  const attempts = new Map<string, number>()

  return async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/sent') {
      const to = searchParams.get('to')
      const emails = [...sent.values()].filter((email) => email.to === to)
      return Response.json({ emails, attempts: attempts.get(to ?? '') ?? 0 })
    }
    if (request.method === 'POST' && pathname === '/2010-04-01/Accounts/ACtest/Messages.json') {
      const form = new URLSearchParams(await request.text())
      const to = form.get('To') ?? ''
      const key = request.headers.get('idempotency-key') ?? ''
      const authorization = request.headers.get('authorization') ?? ''
      attempts.set(to, (attempts.get(to) ?? 0) + 1)
      const text = form.get('Body') ?? ''
      sent.set(key, { key, authorization, to, subject: form.get('From') ?? '', text })
      return Response.json({ sid: `SM${sent.size}`, status: 'queued' }, { status: 201 })
    }
    if (request.method !== 'POST' || pathname !== '/emails')
      return new Response(null, { status: 404 })
    const body = (await request.json()) as { to: string[]; subject: string; text: string }
    const to = body.to[0] ?? ''
    const key = request.headers.get('idempotency-key') ?? ''
    const authorization = request.headers.get('authorization') ?? ''
    const attempt = attempts.get(to) ?? 0
    attempts.set(to, attempt + 1)
    const plan = /^([\w.]+)\+.*@plan\.test$/.exec(to)?.[1]?.split('.') ?? ['ok']
    const take = () => {
      // The same key is the same e-mail.
      if (!sent.has(key))
        sent.set(key, { key, authorization, to, subject: body.subject, text: body.text })
      return Response.json({ id: `email-${key}` })
    }
    const word = plan[Math.min(attempt, plan.length - 1)]
    switch (word) {
      case 'ok':
        return take()
      case 'slowed':
        return Response.json(
          { name: 'rate_limit' },
          { status: 429, headers: { 'retry-after': '77' } },
        )
      case 'lost':
        // Taken, and nobody hears of it.
        take()
        throw new Error('The connection broke')
      case 'busy':
        return Response.json({ name: 'concurrent_idempotent_requests' }, { status: 409 })
      case 'moved':
        return new Response(null, { status: 307, headers: { location: 'http://elsewhere.test/' } })
      case 'huge':
        take()
        return new Response('x'.repeat(300_000))
    }
    return Response.json({ name: 'said_so' }, { status: Number(word) })
  }
}
