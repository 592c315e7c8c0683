import type { Channel, NotificationStatus } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { begin, GIVE_UP_MS, step, WATCH_MS } from './notification-state.ts'
import type {
  NotificationDetails,
  NotificationInput,
  NotificationState,
  NotificationStep,
} from './notification-types.ts'

const now = 1_800_000_000_000

const details = (change: Partial<NotificationDetails> = {}): NotificationDetails => ({
  id: '019aa5b8-7c00-7000-8000-000000000001',
  recipient: { userId: '019aa5b8-7c00-7000-8000-000000000002' },
  category: 'news',
  content: { title: 'Hello', body: 'Body' },
  critical: false,
  sendAt: now,
  createdAt: now,
  expiresAt: null,
  decisions: [],
  traceparent: null,
  ...change,
})

const types = ({ events }: NotificationStep) => events.map(({ type }) => type)
const statuses = ({ events }: NotificationStep) =>
  events.filter(({ type }) => type === 'notification.status').map(({ data }) => data.status)
const asked = ({ effects }: NotificationStep) =>
  effects.flatMap((effect) =>
    effect.type === 'request' ? [`${effect.channel}.${effect.round}`] : [],
  )
const sent = (channel: Channel, attempts = 1): NotificationInput => ({
  type: 'delivery',
  channel,
  outcome: 'sent',
  attempts,
  sentAt: now,
  providerId: 'p1',
})
const failed = (
  channel: Channel,
  outcome: 'failed' | 'skipped',
  reason: string,
): NotificationInput => ({
  type: 'delivery',
  channel,
  outcome,
  attempts: 1,
  reason,
})
const retrying = (attempts: number, nextAttemptAt: number): NotificationInput => ({
  type: 'delivery',
  channel: 'email',
  outcome: 'retrying',
  attempts,
  nextAttemptAt,
  reason: 'provider_answered_500',
})

describe('a notification', () => {
  test('for now asks its provider once and is in the feed at once', () => {
    const first = begin(details(), ['email', 'in-app'], now)
    expect(types(first)).toEqual(['notification.status', 'notification.created'])
    expect(asked(first)).toEqual(['email.1'])
    const done = step(first.state, sent('email'), now + 5)
    expect(statuses(done)).toEqual(['sent'])
    expect(done.effects).toEqual([{ type: 'timer.cancel', name: `watch:${details().id}` }])
  })

  test('for the feed alone is sent as soon as it is accepted', () => {
    const only = begin(details(), ['in-app'], now)
    expect(statuses(only)).toEqual(['queued', 'sent'])
    expect(only.effects).toEqual([])
  })

  test('for later waits for its timer, however far away', () => {
    const sendAt = now + 300 * 24 * 3_600_000
    const waiting = begin(details({ sendAt }), ['email', 'in-app'], now)
    expect(statuses(waiting)).toEqual(['scheduled'])
    expect(waiting.effects).toEqual([
      { type: 'timer.set', name: `due:${details().id}`, at: sendAt },
    ])
    const due = step(waiting.state, { type: 'timer.due' }, sendAt)
    expect(asked(due)).toEqual(['email.1'])
    expect(step(due.state, { type: 'timer.due' }, sendAt).state).toBe(due.state)
  })

  test('whose time comes after it expired never leaves', () => {
    const late = details({ sendAt: now + 10, expiresAt: now + 20 })
    const waiting = begin(late, ['email', 'in-app'], now)
    const due = step(waiting.state, { type: 'timer.due' }, now + 20)
    expect([statuses(due), asked(due), types(due)]).toEqual([
      ['expired'],
      [],
      ['notification.status'],
    ])
    expect(due.state.deliveries).toEqual([
      { channel: 'email', attempts: 0, status: 'skipped', reason: 'expired' },
      { channel: 'in-app', attempts: 0, status: 'skipped', reason: 'expired' },
    ])
  })

  test('is sent when one channel took it, failed when none did, expired when all were too late', () => {
    const two = begin(details(), ['email', 'in-app'], now).state
    const one = begin(details(), ['email'], now).state
    const email = (outcome: 'failed' | 'skipped', reason: string) =>
      failed('email', outcome, reason)
    expect(statuses(step(two, email('failed', 'x'), now))).toEqual(['sent'])
    expect(step(one, email('failed', 'x'), now).events.at(-1)?.data).toMatchObject({
      status: 'failed',
      previousStatus: 'queued',
      reason: 'x',
    })
    expect(statuses(step(one, email('skipped', 'no_address'), now))).toEqual(['failed'])
    expect(statuses(step(one, email('skipped', 'expired'), now))).toEqual(['expired'])
  })

  test('keeps the newest attempt, and no older one that comes late', () => {
    const { state } = begin(details(), ['email'], now)
    const second = step(state, retrying(2, now + 60_000), now)
    expect(second.state.deliveries[0]).toMatchObject({ attempts: 2, nextAttemptAt: now + 60_000 })
    expect(second.effects).toEqual([
      { type: 'timer.set', name: `watch:${details().id}`, at: now + 60_000 + WATCH_MS },
    ])
    expect(step(second.state, retrying(1, now + 5), now).state).toBe(second.state)
    expect(step(second.state, retrying(2, now + 60_000), now).state).toBe(second.state)
  })

  test('that nobody hears of is asked for again and fails in the end', () => {
    const { state } = begin(details(), ['email', 'in-app'], now)
    const again = step(state, { type: 'timer.watch' }, now + WATCH_MS)
    expect(asked(again)).toEqual(['email.2'])
    expect(again.events).toEqual([])
    const alone = begin(details(), ['email'], now).state
    const over = step(alone, { type: 'timer.watch' }, now + GIVE_UP_MS)
    expect([asked(over), statuses(over)]).toEqual([[], ['failed']])
    expect(over.state.deliveries[0]).toMatchObject({ status: 'failed', reason: 'no_answer' })
  })
})

/** What may follow what; nothing follows an end. */
const follows: Record<NotificationStatus, NotificationStatus[]> = {
  scheduled: ['queued', 'expired'],
  queued: ['sent', 'failed', 'expired'],
  held: [],
  sent: [],
  failed: [],
  canceled: [],
  expired: [],
}

const anyInput: fc.Arbitrary<NotificationInput> = fc.oneof(
  fc.constant<NotificationInput>({ type: 'timer.due' }),
  fc.constant<NotificationInput>({ type: 'timer.watch' }),
  fc
    .tuple(fc.constantFrom<Channel>('email', 'in-app', 'sms'), fc.integer({ min: 1, max: 8 }))
    .map(([channel, attempts]) => sent(channel, attempts)),
  fc
    .constantFrom('failed' as const, 'skipped' as const)
    .map((end) => failed('email', end, 'expired')),
  fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 1_000_000 }))
    .map(([attempts, ahead]) => retrying(attempts, now + ahead)),
)

const anyHistory = fc.record({
  channels: fc.constantFrom<Channel[]>(['email'], ['in-app'], ['email', 'in-app']),
  wait: fc.constantFrom(0, 1_000, 90_000_000),
  life: fc.constantFrom(null, 1, 5_000, 200_000_000),
  inputs: fc.array(fc.tuple(anyInput, fc.integer({ min: 0, max: GIVE_UP_MS / 4 })), {
    maxLength: 30,
  }),
})

test('whatever comes, twice and in any order: one history of statuses, each delivery asked for once a round, one entry in the feed', () => {
  fc.assert(
    fc.property(anyHistory, ({ channels, wait, life, inputs }) => {
      const sendAt = now + wait
      const expiresAt = life === null ? null : sendAt + life
      let at = now
      const first = begin(details({ sendAt, expiresAt }), channels, at)
      const steps = [first]
      let state: NotificationState = first.state
      for (const [input, later] of inputs) {
        at += later
        const before = structuredClone(state)
        const next = step(state, input, at)
        // Pure: what was there stays as it was.
        expect(state).toEqual(before)
        // The same input again, at the same moment, changes nothing but what a round of asking repeats.
        if (input.type !== 'timer.watch') expect(step(next.state, input, at).state).toBe(next.state)
        if (next.state === state) expect([next.events, next.effects]).toEqual([[], []])
        steps.push(next)
        state = next.state
      }
      const history = steps.flatMap(statuses) as NotificationStatus[]
      for (const [i, status] of history.entries())
        if (i > 0) expect(follows[history[i - 1] as NotificationStatus]).toContain(status)
      expect(history.at(-1)).toBe(state.phase.status)
      const requests = steps.flatMap(asked)
      expect(new Set(requests).size).toBe(requests.length)
      const entries = steps.flatMap(types).filter((type) => type === 'notification.created')
      expect(entries.length).toBeLessThanOrEqual(channels.includes('in-app') ? 1 : 0)
      const open = state.deliveries.filter(({ status }) => status === 'queued')
      const isOpen = ['scheduled', 'queued'].includes(state.phase.status)
      expect(open.length > 0).toBe(isOpen)
    }),
    { numRuns: 2_000 },
  )
})
