import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceState } from '../device-state.ts'
import { emptyTwin } from '../document/twin-document.ts'
import { unknownPresence } from '../presence/presence-rule.ts'
import { hearDevice, ringActivity, settleActivity } from './activity.ts'

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

  it('is not judged after an outage in which it could not be heard: its timeout begins anew', () => {
    const state = device(60)
    const due = 61_000
    expect(ringActivity(state, 1_000, due, due + 2_000).state.active).toBe(false)
    const after = due + 3_600_000
    expect(ringActivity(state, 1_000, due, after)).toEqual({
      state,
      happenings: [],
      timers: [{ type: 'timer.set', name: 'activity', at: after + 60_000 }],
    })
    expect(ringActivity(state, 1_000, after + 60_000, after + 60_000).state.active).toBe(false)
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
              take(ringActivity(state, seenAt, timer, timer), timer)
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
  it('is silent for its whole timeout, outages not counted, before it is told of', () => {
    const second = fc.integer({ min: 1, max: 30_000 })
    const stretch = fc.record({ ms: second, outage: fc.boolean(), heard: fc.boolean() })
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 40 }), second, (stretches, timeout) => {
        let state = device(timeout)
        let timer: number | undefined
        let seenAt: number | null = null
        let silentSince = 0
        let now = 0
        const take = (step: ReturnType<typeof settleActivity> | undefined, at: number) => {
          if (step === undefined) return
          if (state.active && !step.state.active)
            expect(at - silentSince).toBeGreaterThanOrEqual(timeout * 1000)
          state = step.state
          for (const change of step.timers)
            timer = change.type === 'timer.set' ? change.at : undefined
        }
        for (const { ms, outage, heard } of stretches) {
          now += ms * 1000
          for (let due = timer; due !== undefined && due <= now; due = timer) {
            const at = outage ? now : due
            if (at - due > 2_000) silentSince = at
            take(ringActivity(state, seenAt, due, at), at)
          }
          if (!heard) continue
          take(hearDevice(state, seenAt, now), now)
          seenAt = now
          silentSince = now
        }
        const isWatched = seenAt !== null && state.active
        expect(timer !== undefined).toBe(isWatched)
      }),
      { numRuns: 1_000 },
    )
  })
})
