import { DurableObject } from 'cloudflare:workers'

interface Message {
  topic: string
  payload: string
}

interface Env {
  STORE: DurableObjectNamespace<BareStore>
}

/** The least an owner can do with a batch: one row for each message, in one transaction. */
export class BareStore extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS messages (n INTEGER PRIMARY KEY, topic TEXT, payload TEXT)',
    )
  }

  take(messages: Message[]): number {
    this.ctx.storage.transactionSync(() => {
      for (const { topic, payload } of messages)
        this.ctx.storage.sql.exec(
          'INSERT INTO messages (topic, payload) VALUES (?, ?)',
          topic,
          payload,
        )
    })
    return messages.length
  }
}

/** Batch → object → insert: no token, no checks, no numbering, no log. */
export default {
  async fetch(request, env): Promise<Response> {
    const { messages } = (await request.json()) as { messages: Message[] }
    const byDevice = new Map<string, Message[]>()
    for (const message of messages) {
      const device = message.topic.split('/')[2] ?? ''
      const own = byDevice.get(device)
      if (own === undefined) byDevice.set(device, [message])
      else own.push(message)
    }
    const stored = await Promise.all(
      [...byDevice].map(([device, own]) => env.STORE.getByName(device).take(own)),
    )
    return Response.json({ stored: stored.reduce((sum, count) => sum + count, 0) })
  },
} satisfies ExportedHandler<Env>
