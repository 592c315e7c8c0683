import type { LabStatus } from './lab-call.ts'

/** Something a person, or the network before them, does with a call. */
export interface Act {
  /** Milliseconds after the act before it. */
  afterMs: number
  status: LabStatus
  /** The SIP answer behind a call that was not taken (RFC 3261 §21). */
  sipResponseCode?: string
}

const dialled: Act = { afterMs: 20, status: 'initiated' }
const rings: Act = { afterMs: 180, status: 'ringing' }

/** The people at the six numbers of contract §3. Who never answers rings until the customer's own timeout. */
const people: Readonly<Record<string, readonly Act[]>> = {
  // Answers after two seconds and talks until somebody hangs up.
  '+12025550101': [dialled, rings, { afterMs: 1_800, status: 'in-progress' }],
  '+12025550102': [dialled, { afterMs: 300, status: 'busy', sipResponseCode: '486' }],
  '+12025550103': [dialled, rings],
  // Looks at the phone and declines.
  '+12025550104': [dialled, rings, { afterMs: 800, status: 'busy', sipResponseCode: '603' }],
  '+12025550105': [
    dialled,
    rings,
    { afterMs: 1_800, status: 'in-progress' },
    { afterMs: 3_000, status: 'completed' },
  ],
  // The carrier takes the call and is never heard of again.
  '+12025550106': [],
}

/** A number that nobody has. */
const nobody: readonly Act[] = [dialled, { afterMs: 300, status: 'failed', sipResponseCode: '404' }]

/** What happens to a call to that number. */
export const actsOf = (to: string): readonly Act[] => people[to] ?? nobody

/** Names for the page. */
export const descriptions: Readonly<Record<string, string>> = {
  '+12025550101': 'answers after 2 s and stays',
  '+12025550102': 'is busy',
  '+12025550103': 'never answers',
  '+12025550104': 'declines',
  '+12025550105': 'answers and hangs up after 3 s',
  '+12025550106': 'the carrier stays silent',
}
