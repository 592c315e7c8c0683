import { describe, expect, it } from 'vitest'
import {
  beginCommand,
  type CommandAnswer,
  type CommandRecord,
  cancelCommand,
  deviceAnswered,
  deviceCame,
  dueAt,
  hasEnded,
  type NewCommand,
  passTime,
} from './command-state.ts'

const now = Date.parse('2026-11-21T10:00:00Z')
const asked = (change: Partial<NewCommand> = {}): NewCommand => ({
  id: 'c1',
  name: 'reboot',
  payload: {},
  timeoutSeconds: 30,
  ttlSeconds: 60,
  atMostOnce: false,
  ...change,
})
const queued = (change: Partial<NewCommand> = {}) => beginCommand(asked(change), false, now)
const sent = (change: Partial<NewCommand> = {}) => beginCommand(asked(change), true, now)
const ack: CommandAnswer = { type: 'ack', refused: null }
const refusal: CommandAnswer = { type: 'ack', refused: { code: 'busy', message: 'not now' } }
const progress = (value: number): CommandAnswer => ({ type: 'progress', progress: value })
const succeeded: CommandAnswer = { type: 'result', result: { ok: true }, failed: null }
const failed: CommandAnswer = {
  type: 'result',
  result: null,
  failed: { code: 'jammed', message: null },
}
const answered = (command: CommandRecord, ...answers: CommandAnswer[]) =>
  answers.reduce((state, answer) => deviceAnswered(state, answer, now + 1), command)

describe('a command', () => {
  it('waits for a device that is away, and is sent when it comes', () => {
    expect(queued()).toMatchObject({ state: 'QUEUED', attempts: 0, expiresAt: now + 60_000 })
    expect(deviceCame(queued(), now + 59_999)).toMatchObject({
      state: 'SENT',
      attempts: 1,
      sentAt: now + 59_999,
    })
  })

  it('is sent at once to a device that may be there', () => {
    expect(sent()).toMatchObject({ state: 'SENT', attempts: 1, sentAt: now })
  })

  it('expires where it waited for as long as it might, and is never sent then', () => {
    expect(deviceCame(queued(), now + 60_000)).toMatchObject({ state: 'EXPIRED', attempts: 0 })
    expect(queued({ ttlSeconds: 0 })).toMatchObject({ state: 'EXPIRED', finishedAt: now })
    expect(sent({ ttlSeconds: 0 })).toMatchObject({ state: 'SENT' })
  })

  it('goes by acknowledgement and progress to its result', () => {
    expect(answered(sent(), ack)).toMatchObject({ state: 'DELIVERED', deliveredAt: now + 1 })
    expect(answered(sent(), ack, progress(50))).toMatchObject({
      state: 'DELIVERED',
      progress: 50,
    })
    expect(answered(sent(), ack, progress(50), succeeded)).toMatchObject({
      state: 'SUCCESSFUL',
      progress: 50,
      result: { ok: true },
      error: null,
    })
  })

  it('has arrived where there is progress or a result, also without an acknowledgement', () => {
    expect(answered(sent(), progress(1)).state).toBe('DELIVERED')
    expect(answered(sent(), succeeded)).toMatchObject({
      state: 'SUCCESSFUL',
      deliveredAt: now + 1,
    })
  })

  it('fails by the device, before or after it was acknowledged', () => {
    const error = { code: 'busy', message: 'not now' }
    expect(answered(sent(), refusal)).toMatchObject({ state: 'FAILED', error, deliveredAt: null })
    expect(answered(sent(), ack, refusal)).toMatchObject({ state: 'FAILED', error })
    expect(answered(sent(), failed)).toMatchObject({
      state: 'FAILED',
      error: { code: 'jammed', message: null },
    })
  })

  it('times out without a result, also where it was acknowledged', () => {
    expect(passTime(sent(), now + 29_999).state).toBe('SENT')
    expect(passTime(sent(), now + 30_000)).toMatchObject({
      state: 'TIMEOUT',
      finishedAt: now + 30_000,
    })
    expect(passTime(answered(sent(), ack, progress(9)), now + 30_000).state).toBe('TIMEOUT')
  })

  it('is sent again where the device never confirmed it, and the timeout runs on', () => {
    const again = deviceCame(sent(), now + 10_000)
    expect(again).toMatchObject({ state: 'SENT', attempts: 2, sentAt: now })
    expect(dueAt(again)).toBe(now + 30_000)
    expect(deviceCame(sent({ atMostOnce: true }), now + 10_000).attempts).toBe(1)
    const known = answered(sent(), ack)
    expect(deviceCame(known, now + 10_000)).toBe(known)
  })

  it('is canceled unless it has ended', () => {
    const canceled = { state: 'FAILED', error: { code: 'canceled', message: null } }
    expect(cancelCommand(queued(), now)).toMatchObject(canceled)
    expect(cancelCommand(answered(sent(), ack), now)).toMatchObject(canceled)
    expect(cancelCommand(sent(), now + 30_000)).toMatchObject({ state: 'TIMEOUT' })
  })

  it('stays as it is once it has ended, and for what it was told before', () => {
    const ends = [
      answered(sent(), succeeded),
      answered(sent(), failed),
      passTime(sent(), now + 30_000),
      passTime(queued(), now + 60_000),
      cancelCommand(sent(), now),
    ]
    for (const ended of ends) {
      expect(hasEnded(ended)).toBe(true)
      expect(dueAt(ended)).toBeUndefined()
      for (const answer of [ack, refusal, progress(1), succeeded, failed])
        expect(deviceAnswered(ended, answer, now + 90_000)).toBe(ended)
      expect(deviceCame(ended, now + 90_000)).toBe(ended)
      expect(cancelCommand(ended, now + 90_000)).toBe(ended)
    }
    const working = answered(sent(), ack, progress(1))
    expect(answered(working, ack, progress(1))).toBe(working)
  })

  it('cannot be answered before it was sent', () => {
    const waiting = queued()
    for (const answer of [ack, refusal, progress(1), succeeded, failed])
      expect(deviceAnswered(waiting, answer, now + 1)).toBe(waiting)
  })
})
