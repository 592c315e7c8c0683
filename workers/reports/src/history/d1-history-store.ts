import type { CallChange } from './call-change.ts'
import {
  addCounters,
  type CallCounters,
  type Count,
  counterNames,
  type GroupName,
  type HistoryStore,
  type Question,
} from './history-store.ts'
import { BUCKET_MS, cutAtBuckets, type Piece } from './pieces.ts'

/** How each counter is stored in a rollup, and what it is over facts. */
const columns: Readonly<Record<keyof CallCounters, { rollup: string; ofFacts: string }>> = {
  calls: { rollup: 'calls', ofFacts: 'count(*)' },
  callsAnswered: { rollup: 'calls_answered', ofFacts: 'count(answered_at)' },
  callsTalked: {
    rollup: 'calls_talked',
    ofFacts: 'count(CASE WHEN ended_at IS NOT NULL THEN answered_at END)',
  },
  talkSeconds: { rollup: 'talk_seconds', ofFacts: 'sum(talk_seconds)' },
  holdSeconds: { rollup: 'hold_seconds', ofFacts: 'sum(hold_seconds)' },
  durationSeconds: { rollup: 'duration_seconds', ofFacts: 'sum(duration_seconds)' },
}
const rollupColumns = counterNames.map((name) => columns[name].rollup)

/** Adds what the calls named by `?1` are to their rollups, or takes it away. */
const moveRollups = (sign: '+' | '-') => `
INSERT INTO call_rollups (bucket_start, direction, queue_id, agent_id, ${rollupColumns.join(', ')})
SELECT created_at - created_at % ${BUCKET_MS}, direction, queue_id, agent_id,
  ${counterNames.map((name) => `${sign}${columns[name].ofFacts}`).join(', ')}
FROM call_facts WHERE id IN (SELECT value FROM json_each(?1)) AND created_at IS NOT NULL
GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET ${rollupColumns.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')}`

const earlier = (name: string) =>
  `${name} = min(coalesce(${name}, excluded.${name}), coalesce(excluded.${name}, ${name}))`
const newer = (name: string) =>
  `${name} = CASE WHEN excluded.version > version THEN excluded.${name} ELSE ${name} END`

/** Merges changes into facts. Each column's rule gives the same result whatever the order and however often. */
const mergeFacts = `
INSERT INTO call_facts (id, version, direction, status, queue_id, agent_id, created_at, answered_at, ended_at,
  talk_seconds, hold_seconds, duration_seconds)
SELECT value ->> 'callId', value ->> 'version', value ->> 'direction', value ->> 'status',
  coalesce(value ->> 'queueId', ''), coalesce(value ->> 'agentId', ''), value ->> 'createdAt',
  value ->> 'answeredAt', value ->> 'endedAt', value ->> 'talkSeconds', value ->> 'holdSeconds',
  value ->> 'durationSeconds'
FROM json_each(?1) WHERE true
ON CONFLICT (id) DO UPDATE SET
  ${['created_at', 'answered_at'].map(earlier).join(', ')},
  ${['status', 'queue_id', 'agent_id', 'ended_at', 'talk_seconds', 'hold_seconds', 'duration_seconds'].map(newer).join(', ')},
  version = max(version, excluded.version)`

/** What a call has left behind where it is no longer counted. */
const dropEmpty = `
DELETE FROM call_rollups WHERE calls = 0 AND bucket_start IN (
  SELECT created_at - created_at % ${BUCKET_MS} FROM call_facts WHERE id IN (SELECT value FROM json_each(?1)))`

const groupColumns: Readonly<Record<GroupName, string>> = {
  queue: 'queue_id',
  agent: 'agent_id',
  direction: 'direction',
}

type CountRow = { interval: number; grp: string } & Record<keyof CallCounters, number>

/**
 * The history in D1. In one batch, which is one transaction, the calls that a message tells of are taken out of their
 * rollups as they stood, changed, and put back as they stand: a rollup is the sum of its facts whatever comes, and a
 * batch costs as much as it has messages, however full the bucket.
 */
export class D1HistoryStore implements HistoryStore {
  readonly #db: D1Database

  constructor(db: D1Database) {
    this.#db = db
  }

  async record(changes: readonly CallChange[]): Promise<void> {
    if (changes.length === 0) return
    const ids = JSON.stringify([...new Set(changes.map(({ callId }) => callId))])
    await this.#db.batch([
      this.#db.prepare(moveRollups('-')).bind(ids),
      this.#db.prepare(mergeFacts).bind(JSON.stringify(changes)),
      this.#db.prepare(moveRollups('+')).bind(ids),
      this.#db.prepare(dropEmpty).bind(ids),
    ])
  }

  async count(question: Question): Promise<Count[]> {
    const { whole, edges } = cutAtBuckets(question.intervals)
    // One transaction: a call that is written meanwhile is in both or in neither.
    const [rollups, facts] = await this.#db.batch<CountRow>([
      this.#select('call_rollups', 'bucket_start', 'rollup', whole, question),
      this.#select('call_facts', 'created_at', 'ofFacts', edges, question),
    ])
    const counts = new Map<string, Count>()
    for (const row of [...(rollups?.results ?? []), ...(facts?.results ?? [])]) {
      const { interval, grp, ...counters } = row
      const key = `${interval} ${grp}`
      const known = counts.get(key)
      if (known) known.counters = addCounters(known.counters, counters)
      else counts.set(key, { interval, group: grp === '' ? null : grp, counters })
    }
    return [...counts.values()]
  }

  #select(
    table: 'call_rollups' | 'call_facts',
    time: string,
    kind: 'rollup' | 'ofFacts',
    pieces: readonly Piece[],
    { queueId, agentId, groupBy }: Question,
  ): D1PreparedStatement {
    const group = groupBy === undefined ? `''` : groupColumns[groupBy]
    const sums = counterNames.map((name) => {
      const column = columns[name][kind]
      return `${kind === 'rollup' ? `sum(${column})` : column} AS ${name}`
    })
    // The pieces on the outside, so that each is one walk along the index on the time.
    return this.#db
      .prepare(
        `SELECT piece.value ->> 0 AS interval, ${group} AS grp, ${sums.join(', ')}
         FROM json_each(?1) AS piece CROSS JOIN ${table}
           ON ${time} >= piece.value ->> 1 AND ${time} < piece.value ->> 2
         WHERE (?2 IS NULL OR queue_id = ?2) AND (?3 IS NULL OR agent_id = ?3)
         GROUP BY 1, 2`,
      )
      .bind(JSON.stringify(pieces), queueId ?? null, agentId ?? null)
  }
}
