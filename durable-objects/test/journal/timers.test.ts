import { describe, expect, it, vi } from 'vitest'
import { rangLate, timerInput } from '../../src/journal/timers.ts'
import type { Destination, FiredTimer } from '../../src/journal/types.ts'
import { begin, fixture, input, messages, tally } from './fixture.ts'

function withTimers() {
  const world = fixture()
  const core = world.open()
  core.create('one', input(), begin)
  const set = (name: string, delayMs: number, data = {}) =>
    core.apply(
      input(),
      tally([], { timers: [{ type: 'timer.set', name, at: world.clock.now + delayMs, data }] }),
    )
  const cancel = (name: string) =>
    core.apply(input(), tally([], { timers: [{ type: 'timer.cancel', name }] }))
  const fired: FiredTimer[] = []
  const fire = (timer: FiredTimer) => {
    fired.push(timer)
    return core.apply(timerInput(timer), tally())
  }
  const alarm = (handler: (timer: FiredTimer) => unknown = fire) => {
    world.clock.now = Math.max(world.clock.now, world.storage.alarmAt ?? 0)
    return core.alarm(async (timer) => void (await handler(timer)))
  }
  return { ...world, core, set, cancel, fired, fire, alarm }
}

describe('named timers', () => {
  it('share the one alarm and fire in the order they are due', async () => {
    const { set, alarm, fired, storage, clock } = withTimers()
    const start = clock.now
    set('late', 2_000)
    set('early', 1_000, { why: 'ring' })
    expect(storage.alarmAt).toBe(start + 1_000)
    await alarm()
    expect(fired).toEqual([
      { name: 'early', at: start + 1_000, data: { why: 'ring' }, generation: 2 },
    ])
    expect(storage.alarmAt).toBe(start + 2_000)
    await alarm()
    expect(fired.map((timer) => timer.name)).toEqual(['early', 'late'])
  })

  it('are one for each name: a later setting replaces, a cancel removes', async () => {
    const { set, cancel, alarm, fired, clock } = withTimers()
    set('ring', 1_000)
    set('ring', 5_000)
    set('wrap-up', 1_000)
    cancel('wrap-up')
    clock.now += 1_000
    await alarm()
    expect(fired).toHaveLength(1)
    expect(fired[0]).toMatchObject({ name: 'ring', generation: 2 })
  })

  it('are gone for a firing that comes too late', async () => {
    const { set, fire, alarm, fired, core } = withTimers()
    set('ring', 0)
    await alarm()
    const [first] = fired
    if (first === undefined) throw new Error('it fired')
    expect(fire(first)).toMatchObject({ ok: true, value: { replayed: true } })
    set('ring', 0)
    expect(core.apply(timerInput({ ...first, generation: 99 }), tally())).toEqual({
      ok: false,
      error: { code: 'not_found' },
    })
    expect(core.head()?.seq).toBe(1)
  })

  it('may be set again by their own handler', async () => {
    const { core, set, alarm, clock } = withTimers()
    set('tick', 1_000)
    const tick = (timer: FiredTimer) =>
      core.apply(
        timerInput(timer),
        tally([{}], { timers: [{ type: 'timer.set', name: 'tick', at: clock.now + 1_000 }] }),
      )
    for (let round = 0; round < 3; round++) await alarm(tick)
    expect(core.head()?.seq).toBe(3)
  })

  it('come back after a backoff when the handler throws or leaves them standing', async () => {
    const { set, alarm, fired, storage, clock, observed } = withTimers()
    set('ring', 0)
    await alarm(() => {
      throw new Error('a bug')
    })
    expect(storage.alarmAt).toBe(clock.now + 501)
    await alarm(() => undefined)
    expect(storage.alarmAt).toBe(clock.now + 1_001)
    await alarm()
    expect(fired).toHaveLength(1)
    expect(observed).toMatchObject([{ type: 'fault', where: 'timer ring' }])
  })

  it('ring late after an outage, and where their handler failed for a while', async () => {
    const { set, alarm, fired, clock } = withTimers()
    const isLate = () => fired.splice(0).map(({ at }) => rangLate(at, clock.now))
    set('ring', 1_000)
    await alarm()
    expect(isLate()).toEqual([false])
    set('ring', 1_000)
    clock.now += 3_001
    await alarm()
    expect(isLate()).toEqual([true])
    set('ring', 0)
    for (let failures = 0; failures < 4; failures++) await alarm(() => undefined)
    await alarm()
    expect(isLate()).toEqual([true])
  })

  it('do not keep each other from firing when one fails', async () => {
    const { set, alarm, fire, fired } = withTimers()
    set('bad', 0)
    set('good', 0)
    await alarm((timer) => {
      if (timer.name === 'bad') throw new Error('a bug')
      return fire(timer)
    })
    expect(fired.map((timer) => timer.name)).toEqual(['good'])
  })
})

describe('a destination that hangs', () => {
  it('holds no timer up', async () => {
    const hung = Promise.withResolvers<void>()
    const slow: Destination = { delivery: 'confirmed', batchSize: 1, send: () => hung.promise }
    const { open, clock } = fixture({ destinations: { slow } })
    const core = open()
    core.create('one', input(), begin)
    core.apply(input(), tally([{}], { outbox: () => messages('slow', 'm') }))
    const fired: string[] = []
    const alarm = core.alarm((timer) => {
      fired.push(timer.name)
      core.apply(timerInput(timer), tally())
    })
    // Set while the alarm is under way: the object has no other.
    const at = clock.now + 5_000
    core.apply(input(), tally([], { timers: [{ type: 'timer.set', name: 'confirm', at }] }))
    clock.now = at
    await vi.waitFor(() => expect(fired).toEqual(['confirm']))
    hung.resolve()
    await alarm
    expect(fired).toEqual(['confirm'])
  })
})
