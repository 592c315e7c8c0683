import type { Channel } from '@menagerie/contracts'

/** Turns events of one type into notifications. */
export interface Rule {
  id: string
  recipient: 'device.owner'
  channels: Channel[]
  category: string
}

/** The rules that an event of that type meets. */
export async function rulesFor(db: D1Database, eventType: string): Promise<Rule[]> {
  const { results } = await db
    .prepare(
      'SELECT id, recipient, channels, category FROM rules WHERE event_type = ? AND enabled = 1 ORDER BY id',
    )
    .bind(eventType)
    .all<Omit<Rule, 'channels'> & { channels: string }>()
  return results.map((row) => ({ ...row, channels: JSON.parse(row.channels) as Channel[] }))
}
