import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../device-state.ts'
import { emptyTwin } from '../document/twin-document.ts'
import { unknownPresence } from '../presence/presence-rule.ts'
import { hearDevice, settleActivity } from './activity.ts'

const device = (timeout: number | null): DeviceState => ({
  details: {
    id: 'd1',
    name: 'd1',
    ownerId: 'ann',
    metadata: {},
    tags: [],
    inactivityTimeoutSeconds: timeout,
    createdAt: 0,
  },
  active: true,
  twin: emptyTwin,
  presence: unknownPresence,
  rules: [],
})

describe('a device that falls silent', () => {
  it('is inactive from the moment on at which its timeout has passed, and not before', () => {
    const state = device(60)
    expect(settleActivity(state, 1_000, 60_999)).toMatchObject({
      state: { active: true },
      happenings: [],
      timers: [{ type: 'timer.set', at: 61_000 }],
    })
    expect(settleActivity(state, 1_000, 61_000)).toMatchObject({
      state: { active: false },
      happenings: [{ type: 'device.activity', data: { active: false } }],
      timers: [{ type: 'timer.cancel' }],
    })
  })

  it('is active before its first message and without a timeout', () => {
    expect(settleActivity(device(60), null, 1e9)).toMatchObject({ happenings: [] })
    const silent = { ...device(null), active: false }
    expect(settleActivity(silent, 1, 1e9)).toMatchObject({ state: { active: true } })
  })

  it('is told of exactly as often as its silence says, whatever it sends and whenever the timer rings', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30_000 }), { maxLength: 40 }),
        fc.integer({ min: 5, max: 20 }),
        (pauses, timeout) => {
          let state = device(timeout)
          let seenAt: number | null = null
          let timer: number | undefined
          const told: [number, boolean][] = []
          const take = (step: ReturnType<typeof settleActivity>, now: number) => {
            state = step.state
            for (const change of step.timers)
              timer = change.type === 'timer.set' ? change.at : undefined
            for (const { data } of step.happenings) told.push([now, data.active as boolean])
          }
          const ringUntil = (until: number) => {
            while (timer !== undefined && timer < until)
              take(settleActivity(state, seenAt, timer), timer)
          }
          const expected: [number, boolean][] = []
          let now = 0
          for (const pause of pauses) {
            if (seenAt !== null && pause > timeout * 1000)
              expected.push([now + timeout * 1000, false], [now + pause, true])
            now += pause
            ringUntil(now)
            const heard = hearDevice(state, seenAt, now)
            if (heard !== undefined) take(heard, now)
            seenAt = now
          }
          if (seenAt !== null) expected.push([now + timeout * 1000, false])
          ringUntil(Number.POSITIVE_INFINITY)
          expect(told).toEqual(expected)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
