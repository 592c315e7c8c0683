import type { JsonObject } from '@menagerie/core'
import { JournalCore } from '../../src/journal/journal-core.ts'
import { MemoryStorage } from '../../src/journal/memory-storage.ts'
import type {
  Decision,
  JournalInput,
  JournalObservation,
  JournalOptions,
  OutboxEntry,
} from '../../src/journal/types.ts'

export interface Tally {
  count: number
}

/** A clock turned by hand, randomness that is always one half, and destinations that tests script. */
export function fixture(options: Partial<JournalOptions<Tally>> = {}) {
  const clock = { now: 1_750_000_000_000 }
  const storage = new MemoryStorage()
  const observed: JournalObservation[] = []
  const open = (change: Partial<JournalOptions<Tally>> = {}) =>
    new JournalCore<Tally>(
      storage,
      {
        kind: 'tallies',
        now: () => clock.now,
        bootId: 'boot-1',
        destinations: {},
        observe: (what) => void observed.push(what),
        ...options,
        ...change,
      },
      { salt: () => '00'.repeat(16), random: () => 0.5 },
    )
  return { clock, storage, observed, open }
}

let inputs = 0

export const input = (change: Partial<JournalInput> = {}): JournalInput => ({
  actor: 'ann',
  source: 'http',
  id: `input-${inputs++}`,
  body: {},
  ...change,
})

/** Counts, and appends the data as events. */
export const tally =
  (events: JsonObject[] = [{}], more: Partial<Decision<Tally, number>> = {}) =>
  (state: Tally): Decision<Tally, number> => ({
    state: { count: state.count + 1 },
    events: events.map((data) => ({ type: 'counted', data })),
    outcome: state.count + 1,
    ...more,
  })

export const begin = (): Decision<Tally, number> => ({
  state: { count: 0 },
  events: [],
  outcome: 0,
})

export const messages = (destination: string, ...ids: string[]): OutboxEntry[] =>
  ids.map((id) => ({ id, destination, body: { id } }))

/** Lets what was started but not awaited come to its end. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve()
}
