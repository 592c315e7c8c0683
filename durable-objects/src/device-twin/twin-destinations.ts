import type { Downlink } from '@menagerie/contracts'
import { type Destination, queueDestination } from '../journal/index.ts'
import { projectionDestination } from './projection.ts'
import type { DeviceTwinEnv } from './twin-types.ts'

/** Where a twin's outbox goes: the queues, the registry's table and the link to the device. */
export const twinDestinations = (env: DeviceTwinEnv): Record<string, Destination> => ({
  history: queueDestination(env.HISTORY_QUEUE),
  rules: queueDestination(env.RULES_QUEUE),
  webhooks: queueDestination(env.WEBHOOKS_QUEUE),
  'dead-letters': queueDestination(env.DEAD_LETTERS_QUEUE),
  projection: projectionDestination(env.DB),
  link: linkDestination(env.BRIDGE_LINK),
})

/** The link keeps what it is given until the broker has it, and knows a message that comes again. */
const linkDestination = (links: DeviceTwinEnv['BRIDGE_LINK']): Destination => ({
  delivery: 'confirmed',
  ordered: true,
  batchSize: 100,
  async send(rows) {
    const byLink = new Map<string, Downlink[]>()
    for (const { body } of rows) {
      const { link, message } = body as unknown as { link: string; message: Downlink }
      const messages = byLink.get(link) ?? []
      messages.push(message)
      byLink.set(link, messages)
    }
    for (const [link, messages] of byLink) await links.getByName(link).enqueue(messages)
  },
})
