import { describe, expect, it } from 'vitest'
import { genesisHash, verifyChain } from '../../src/journal/chain.ts'
import { forgetOldInputs } from '../../src/journal/inputs.ts'
import { begin, fixture, input, settled, tally } from './fixture.ts'

const missing = { ok: false, error: { code: 'not_found' } }

describe('before create', () => {
  it('everything answers not_found and no table is made', async () => {
    const { open, storage } = fixture()
    const core = open()
    expect(core.exists).toBe(false)
    expect(core.name).toBe('')
    expect(core.apply(input(), tally())).toEqual(missing)
    expect(core.replay(0, 10)).toEqual(missing)
    expect(core.proof(1, 2)).toEqual(missing)
    expect(core.head()).toBeUndefined()
    expect(core.erase(() => true)).toBe(0)
    core.wake()
    await core.alarm(() => undefined)
    expect(storage.exec('SELECT name FROM sqlite_master')).toEqual([])
    expect(storage.alarmAt).toBeNull()
  })
})

describe('create', () => {
  it('stores the name and the first input together, and repeats get its outcome', () => {
    const { open } = fixture()
    const first = input()
    const made = open().create('one', first, () => ({
      ...begin(),
      events: [{ type: 'made', data: {} }],
    }))
    expect(made).toEqual({
      ok: true,
      value: { outcome: 0, replayed: false, firstSeq: 1, lastSeq: 1 },
    })
    const again = open()
    expect(again.name).toBe('one')
    expect(again.state).toEqual({ count: 0 })
    expect(again.create('one', first, begin)).toMatchObject({ ok: true, value: { replayed: true } })
  })

  it('of an object that exists is a mismatch for every other key or body, without deciding', () => {
    const { open } = fixture()
    const core = open()
    const first = input()
    core.create('one', first, begin)
    const never = () => {
      throw new Error('decided')
    }
    const mismatch = { ok: false, error: { code: 'idempotency_mismatch' } }
    expect(core.create('one', input(), never)).toEqual(mismatch)
    expect(core.create('one', { ...first, body: { other: true } }, never)).toEqual(mismatch)
  })

  it('leaves nothing behind when the decision throws', () => {
    const { open, storage } = fixture()
    const core = open()
    expect(() =>
      core.create('one', input(), () => {
        throw new Error('a bug')
      }),
    ).toThrow('a bug')
    expect(core.exists).toBe(false)
    expect(storage.exec('SELECT name FROM sqlite_master')).toEqual([])
  })
})

describe('apply', () => {
  it('tells actor, source and id apart however they are written', () => {
    const { open } = fixture()
    const core = open()
    core.create('one', input(), begin)
    const keys = [
      { actor: 'a', source: 'b', id: 'c' },
      { actor: 'a', source: 'b","c', id: '' },
      { actor: 'a"', source: ',"b', id: 'c' },
      { actor: 'ab', source: '', id: 'c' },
    ]
    for (const [index, key] of keys.entries())
      expect(core.apply(input(key), tally())).toMatchObject({ value: { outcome: index + 1 } })
  })

  it('undoes everything when save throws, and the same key may try again', () => {
    const { open, storage } = fixture({
      schema: [(exec) => void exec('CREATE TABLE notes (note TEXT)')],
    })
    const core = open()
    core.create('one', input(), begin)
    const request = input()
    const save = () => {
      storage.exec('INSERT INTO notes VALUES (1)')
      throw new Error('a bug')
    }
    expect(() => core.apply(request, tally([{}], { save }))).toThrow('a bug')
    expect(core.state).toEqual({ count: 0 })
    expect(core.head()?.seq).toBe(0)
    expect(storage.exec('SELECT * FROM notes')).toEqual([])
    expect(core.apply(request, tally())).toMatchObject({ value: { replayed: false, outcome: 1 } })
  })

  it('refuses an event above 64 KiB of canonical JSON, counted in bytes', () => {
    const { open } = fixture()
    const core = open()
    core.create('one', input(), begin)
    const text = (bytes: number) => 'é'.repeat((bytes - '{"t":""}'.length) / 2)
    const request = input()
    expect(core.apply(request, tally([{}, { t: text(65_538) }]))).toEqual({
      ok: false,
      error: { code: 'payload_too_large', detail: 'An event holds at most 65536 bytes of data' },
    })
    expect(core.head()?.seq).toBe(0)
    expect(core.apply(request, tally([{ t: text(65_536) }]))).toMatchObject({ ok: true })
  })

  it('answers storage_full when SQLite is full, changes nothing, and goes on when there is room', () => {
    const { open, storage } = fixture()
    const core = open()
    core.create('one', input(), begin)
    storage.exec('PRAGMA max_page_count = 30')
    const large = () => core.apply(input(), tally([{ t: 'x'.repeat(60_000) }]))
    let answer = large()
    while (answer.ok) answer = large()
    expect(answer.error).toEqual({ code: 'storage_full', retryAfterSeconds: 30 })
    const { seq } = core.head() ?? { seq: 0 }
    const page = core.replay(0, 100)
    expect(page.ok && page.value.events.length).toBe(seq)
    storage.exec('PRAGMA max_page_count = 10000')
    expect(large()).toMatchObject({ ok: true, value: { firstSeq: seq + 1 } })
  })

  it('keeps inputs for 24 h, and the last 10,000 for longer', async () => {
    const { open, clock, storage } = fixture()
    const core = open()
    core.create('one', input(), begin)
    const first = input()
    core.apply(first, tally([]))
    clock.now += 86_400_001
    await core.alarm(() => undefined)
    expect(core.apply(first, tally([]))).toMatchObject({ value: { replayed: true } })
    storage.transaction(() => {
      for (let index = 0; index < 10_000; index++)
        storage.exec(
          `INSERT INTO inputs VALUES (?, '', 0, 0, '0', NULL, ?)`,
          `k${index}`,
          clock.now,
        )
    })
    await core.alarm(() => undefined)
    expect(core.apply(first, tally([]))).toMatchObject({ value: { replayed: false } })
    const [row] = storage.exec<{ n: number }>('SELECT count(*) AS n FROM inputs')
    expect(row?.n).toBe(10_001)
  })

  it('forgets the oldest inputs in steps, and new ones too where there are too many', () => {
    const { open, clock, storage } = fixture()
    open().create('one', input(), begin)
    const exec = storage.exec.bind(storage)
    const add = (from: number, count: number, at: number) =>
      storage.transaction(() => {
        for (let index = from; index < from + count; index++)
          exec(`INSERT INTO inputs VALUES (?, '', 0, 0, '0', NULL, ?)`, `k${index}`, at)
      })
    const counted = () => exec<{ n: number }>('SELECT count(*) AS n FROM inputs')[0]?.n
    add(0, 11_499, clock.now - 86_400_001)
    forgetOldInputs(exec, clock.now)
    expect(counted()).toBe(10_501)
    forgetOldInputs(exec, clock.now)
    forgetOldInputs(exec, clock.now)
    // The first of all is no older than a moment.
    expect(counted()).toBe(10_001)
    add(20_000, 300, clock.now)
    forgetOldInputs(exec, clock.now, 10_100)
    expect(counted()).toBe(10_000)
  })
})

describe('the schema', () => {
  it('runs the steps an object lacks, each once', () => {
    const { open } = fixture()
    const runs: number[] = []
    const step = (number: number) => () => void runs.push(number)
    open({ schema: [step(1)] }).create('one', input(), begin)
    open({ schema: [step(1), step(2), step(3)] })
    open({ schema: [step(1), step(2), step(3)] })
    open({ schema: [step(1)] })
    open({ schema: [step(1), step(2), step(3)] })
    expect(runs).toEqual([1, 2, 3])
  })

  it('lifts old events on reading and never rewrites them', () => {
    const { open, storage } = fixture()
    open().create('one', input(), begin)
    open().apply(input(), tally([{ old: 1 }]))
    const core = open({
      upcast: (event) => ({ ...event, version: 2, data: { new: event.data?.old ?? 0 } }),
    })
    const page = core.replay(0, 10)
    expect(page.ok && page.value.events[0]).toMatchObject({ version: 2, data: { new: 1 } })
    expect(storage.exec('SELECT version, data FROM events')).toMatchObject([
      { version: 1, data: '{"old":1}' },
    ])
  })
})

describe('retention', () => {
  it('moves the base along, never past an event whose message waits, and by age without other work', async () => {
    const { open, clock, storage } = fixture({
      retention: { maxAgeMs: 3_600_000, maxEvents: 3 },
      destinations: {
        queue: {
          delivery: 'confirmed',
          batchSize: 10,
          send: async () => {
            if (down) throw new Error('down')
          },
        },
      },
    })
    let down = true
    const core = open()
    core.create('one', input(), begin)
    core.apply(input(), tally([{}, {}]))
    core.apply(
      input(),
      tally([{}, {}], { outbox: () => [{ id: 'm', destination: 'queue', body: {} }] }),
    )
    core.apply(input(), tally([{}, {}]))
    await core.alarm(() => undefined)
    expect(core.base()).toBe(2)
    expect(core.replay(1, 10)).toMatchObject({ value: { complete: false, base: 2, head: 6 } })
    expect(core.replay(2, 10)).toMatchObject({ value: { complete: true } })
    down = false
    clock.now += 60_000
    await core.alarm(() => undefined)
    expect(core.base()).toBe(3)
    expect(storage.alarmAt).toBe(clock.now - 60_000 + 3_600_001)
    clock.now = storage.alarmAt ?? 0
    await core.alarm(() => undefined)
    expect(core.base()).toBe(6)
    expect(core.head()?.seq).toBe(6)
    expect(core.apply(input(), tally())).toMatchObject({ value: { firstSeq: 7 } })
    const proof = core.proof(1, 7)
    expect(proof).toMatchObject({ ok: true, value: { fromSeq: 7, toSeq: 7 } })
  })
})

describe('a proof', () => {
  const filled = () => {
    const { open } = fixture()
    const core = open()
    core.create('one', input(), begin)
    core.apply(input(), tally([{ n: 1 }, { n: 2 }, { n: 3 }]))
    return core
  }
  const read = (core: ReturnType<typeof filled>, from: number, to: number) => {
    const proof = core.proof(from, to)
    const page = core.replay(from - 1, to - from + 1)
    if (!proof.ok || !page.ok) throw new Error('the object exists')
    return { proof: proof.value, events: page.value.events }
  }

  it('begins with zeros before the first event and ends at the head', () => {
    const core = filled()
    const { proof, events } = read(core, 1, 3)
    expect(proof).toMatchObject({
      object: 'tallies/one',
      fromSeq: 1,
      fromHash: genesisHash,
      toSeq: 3,
    })
    expect(proof.toHash).toBe(core.head()?.hash)
    expect(verifyChain(proof, events)).toEqual({ ok: true, value: { erased: [] } })
  })

  it('of a part verifies, and of nothing has no events', () => {
    const core = filled()
    const { proof, events } = read(core, 2, 2)
    expect(verifyChain(proof, events)).toMatchObject({ ok: true })
    expect(core.proof(7, 9)).toMatchObject({ value: { fromSeq: 4, toSeq: 3, events: [] } })
  })

  it('does not verify when an event, its data, its order or its number was changed', () => {
    const { proof, events } = read(filled(), 1, 3)
    const [one, two, three] = events
    if (!one || !two || !three) throw new Error('three events')
    expect(verifyChain(proof, [one, { ...two, data: { n: 9 } }, three])).toMatchObject({
      error: { code: 'data', seq: 2 },
    })
    expect(verifyChain(proof, [one, { ...two, actor: 'eve' }, three])).toMatchObject({
      error: { code: 'hash', seq: 2 },
    })
    expect(verifyChain(proof, [one, three, two])).toMatchObject({ error: { code: 'gap', seq: 2 } })
    expect(verifyChain(proof, [one, two])).toMatchObject({ error: { code: 'gap', seq: 3 } })
    expect(verifyChain(proof, [one, { ...two, data: null }, three])).toMatchObject({
      error: { code: 'data', seq: 2 },
    })
    expect(verifyChain({ ...proof, toHash: genesisHash }, events)).toMatchObject({ ok: false })
  })
})

describe('the alarm', () => {
  it('that was lost is set again when the object is loaded', async () => {
    const { open, clock, storage } = fixture()
    const core = open()
    core.create('one', input(), begin)
    const at = clock.now + 5_000
    core.apply(input(), tally([], { timers: [{ type: 'timer.set', name: 't', at }] }))
    expect(storage.alarmAt).toBe(at)
    storage.alarmAt = null
    open()
    await settled()
    expect(storage.alarmAt).toBe(at)
  })

  it('is not touched by a load when it stands early enough', async () => {
    const { open, clock, storage } = fixture()
    const core = open()
    core.create('one', input(), begin)
    const at = clock.now + 5_000
    core.apply(input(), tally([], { timers: [{ type: 'timer.set', name: 't', at }] }))
    storage.onPoint = (point) => {
      if (point === 'before set alarm') throw new Error('set again')
    }
    open()
    await settled()
    expect(storage.alarmAt).toBe(at)
  })
})
