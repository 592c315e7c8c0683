import type { JsonObject, JsonValue } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  difference,
  emptyTwin,
  type TwinDocument,
  toTwin,
} from '../../src/device-twin/document/twin-document.ts'
import { createHistoryTable, TwinHistory } from '../../src/device-twin/document/twin-history.ts'
import { isObject, sameJson } from '../../src/device-twin/json-limits.ts'
import { createTwinTables } from '../../src/device-twin/twin-schema.ts'
import type { DeviceMessage } from '../../src/device-twin/twin-types.ts'
import { JournalCore } from '../../src/journal/journal-core.ts'
import { MemoryStorage } from '../../src/journal/memory-storage.ts'
import { deviceId, World } from './world.ts'

const ann = { id: 'ann' } as Parameters<World['document']['patch']>[0]

const key = fc.constantFrom('a', 'b', 'c', 'constructor', 'timestamp', '')
const leaf = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.constant(null))
const section = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
  object: fc.dictionary(key, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<JsonObject>,
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    leaf,
    fc.array(leaf, { maxLength: 2 }),
    tie('object'),
  ) as fc.Arbitrary<JsonValue>,
})).object
const orNull = fc.oneof(
  { weight: 6, arbitrary: section },
  { weight: 1, arbitrary: fc.constant(null) },
)

type Write =
  | { by: 'person'; desired: JsonObject; behind: number }
  | { by: 'device'; reported: JsonObject; behind: number }
  | {
      by: 'shadow'
      state: { desired?: JsonObject | null; reported?: JsonObject | null }
      behind: number
    }
  | { by: 'deletion' }
  | { by: 'eviction' }

/** How many versions behind a writer is; -1 for one that does not say. */
const behind = fc.constantFrom(-1, -1, -1, 0, 1)
const write: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ by: fc.constant('person' as const), desired: section, behind }),
  fc.record({ by: fc.constant('device' as const), reported: section, behind }),
  fc.record({
    by: fc.constant('shadow' as const),
    state: fc.record({ desired: orNull, reported: orNull }, { requiredKeys: [] }),
    behind,
  }),
  fc.constant({ by: 'deletion' as const }),
  fc.constant({ by: 'eviction' as const }),
)

let arrivals = 0
function message(of: DeviceMessage['of'], topic: string, payload: JsonObject): DeviceMessage {
  const micros = String(arrivals++ % 1_000_000).padStart(6, '0')
  const receivedAt = `2026-11-21T09:59:59.${micros}Z`
  return { of, topic, payload: JSON.stringify(payload), qos: 1, receivedAt }
}

/** @returns whether it was refused for its version */
function carryOut(world: World, said: Write): boolean {
  const { version } = world.state.twin
  const named = (steps: number) => (steps < 0 ? {} : { version: Math.max(0, version - steps) })
  const tree = `v1/devices/${deviceId}/twin`
  switch (said.by) {
    case 'person': {
      const patch = { desired: said.desired, ...named(said.behind) }
      const made = world.document.patch(ann, 'http', { key: null, patch, ifMatch: null }, {})
      return !made.ok && made.error.code === 'version_conflict'
    }
    case 'device': {
      const payload = { state: said.reported, ...named(said.behind) }
      const taken = world.take([message({ kind: 'reported' }, `${tree}/reported`, payload)])
      return taken?.results[0]?.result === 'rejected'
    }
    case 'shadow': {
      const payload = { state: said.state, ...named(said.behind) } as JsonObject
      world.take([message({ kind: 'shadow', action: 'update' }, '$aws/update', payload)])
      return said.behind === 1 && version > 0
    }
    case 'deletion':
      world.take([message({ kind: 'shadow', action: 'delete' }, '$aws/delete', {})])
      return false
    case 'eviction':
      world.evict()
      return false
  }
}

/** The times of a section's leaves; throws where metadata is not shaped as the section is. */
function timesOf(value: unknown, metadata: unknown, path = ''): Map<string, string> {
  if (!isObject(metadata)) throw new Error(`no metadata at ${path}`)
  if (!isObject(value)) {
    expect(Object.keys(metadata)).toEqual(['timestamp'])
    return new Map([[path, String(metadata.timestamp)]])
  }
  expect(Object.keys(metadata).sort()).toEqual(Object.keys(value).sort())
  return new Map(
    Object.entries(value).flatMap(([name, inner]) => [
      ...timesOf(inner, metadata[name], `${path}/${name}`),
    ]),
  )
}

/** RFC 7396 §2, as it is written there. */
function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name]
    else result[name] = mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value)
  return result
}

function ask(world: World, sinceVersion: number): JsonObject {
  const topic = `v1/devices/${deviceId}/twin/get`
  return world.answerTo(message({ kind: 'get' }, topic, { sinceVersion })).payload as JsonObject
}

describe('a twin under any writes of people and devices, on both trees', () => {
  it('counts one version for each change, times each field, and tells exactly what differs', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
        const world = new World()
        for (const said of writes) {
          world.clock += 1_000
          const time = new Date(world.clock).toISOString()
          const before = world.state.twin
          const refused = carryOut(world, said)
          const { twin } = world.state
          const changed =
            !sameJson(before.desired, twin.desired) || !sameJson(before.reported, twin.reported)
          expect([0, 1]).toContain(twin.version - before.version)
          if (changed) expect(twin.version).toBe(before.version + 1)
          if (refused && said.by !== 'shadow') expect(twin).toEqual(before)
          if (said.by === 'person' || said.by === 'device')
            expect(twin.version).toBe(before.version + (changed ? 1 : 0))
          for (const name of ['desired', 'reported'] as const) {
            const times = timesOf(twin[name], twin.metadata[name])
            const earlier = timesOf(before[name], before.metadata[name])
            for (const [path, at] of times) expect([earlier.get(path), time]).toContain(at)
            if (sameJson(before[name], twin[name])) expect(times).toEqual(earlier)
          }
          const { delta } = toTwin(twin)
          expect(delta).toEqual(difference(twin.desired, twin.reported))
          const merged = mergePatch(twin.reported, delta as JsonObject) as JsonObject
          expect(difference(twin.desired, merged)).toEqual({})
        }
        world.storage.close()
      }),
      { numRuns: 150 },
    )
  })

  it('replays what a device missed from every version it may know', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 10 }), (writes) => {
        const world = new World()
        const stood = new Map([[0, world.state.twin.desired]])
        for (const said of writes) {
          carryOut(world, said)
          stood.set(world.state.twin.version, world.state.twin.desired)
        }
        const { version, desired } = world.state.twin
        for (const [since, known] of stood) {
          const answer = ask(world, since)
          expect(answer).toMatchObject({ version, complete: true })
          const changes = answer.changes as { version: number; patch: JsonObject }[]
          const versions = changes.map((change) => change.version)
          expect(versions).toEqual([...new Set(versions)].sort((one, other) => one - other))
          for (const told of versions) expect(told > since && told <= version).toBe(true)
          let at: JsonValue = known
          for (const { version: step, patch } of changes) {
            at = mergePatch(at, patch)
            expect(sameJson(at, stood.get(step))).toBe(true)
          }
          expect(sameJson(at, desired)).toBe(true)
        }
        world.storage.close()
      }),
      { numRuns: 60 },
    )
  })

  it('writes every change into the history, once and under its writer', () => {
    fc.assert(
      fc.property(fc.array(write, { maxLength: 10 }), (writes) => {
        const world = new World()
        for (const said of writes) carryOut(world, said)
        const found = world.document.history(ann, { limit: 200 })
        if (!found.ok) throw new Error(found.error.code)
        const changes = found.value.items.toReversed()
        const versions = [...new Set(changes.map(({ version }) => version))]
        expect(versions).toEqual(versions.map((_, index) => index + 1))
        expect(versions.length).toBe(world.state.twin.version)
        let [desired, reported]: JsonValue[] = [{}, {}]
        for (const { section: name, patch } of changes) {
          if (name === 'desired') desired = mergePatch(desired, patch as JsonObject)
          else reported = mergePatch(reported, patch as JsonObject)
        }
        const { twin } = world.state
        expect(sameJson(desired, twin.desired) && sameJson(reported, twin.reported)).toBe(true)
        for (const { actor, section: name } of changes)
          if (name === 'reported') expect(actor).toBe('device')
        world.storage.close()
      }),
      { numRuns: 80 },
    )
  })
})

describe('the history', () => {
  const patch = (world: World, desired: JsonObject) =>
    world.document.patch(ann, 'http', { key: null, patch: { desired }, ifMatch: null }, {})

  it('keeps the newest 1,000 versions, and a device that knows an older one gets the whole document', () => {
    const world = new World()
    for (let n = 1; n <= 1_005; n++) patch(world, { n })
    const [kept] = world.storage.exec(
      'SELECT count(*) AS n, min(version) AS oldest FROM twin_changes',
    )
    expect(kept).toEqual({ n: 1_000, oldest: 6 })
    const known = ask(world, 5)
    expect([known.complete, (known.changes as unknown[]).length]).toEqual([true, 1_000])
    expect(ask(world, 4)).toMatchObject({ complete: false, desired: { n: 1_005 } })
    expect(ask(world, 1_006)).toMatchObject({ complete: false, desired: { n: 1_005 } })
    expect(ask(world, 1_005)).toMatchObject({ complete: true, changes: [] })
  })

  it('is not replayed where it is more than a message holds', () => {
    const world = new World()
    for (let n = 1; n <= 14; n++) patch(world, { text: `${n}${'x'.repeat(8_000)}` })
    expect(ask(world, 0)).toMatchObject({ complete: false, version: 14 })
    expect(ask(world, 4)).toMatchObject({ complete: true })
  })

  it('is read in pages, by section and by time', () => {
    const world = new World()
    const start = world.clock
    for (let n = 1; n <= 5; n++) {
      world.clock = start + n * 1_000
      const payload = { state: { desired: { n }, reported: { n } } }
      world.take([message({ kind: 'shadow', action: 'update' }, '$aws/update', payload)])
    }
    const read = (query: Partial<Parameters<World['document']['history']>[1]>) => {
      const found = world.document.history(ann, { limit: 200, ...query })
      if (!found.ok) throw new Error(found.error.code)
      return found.value
    }
    const all = read({}).items
    expect(all.slice(0, 3).map((row) => [row.version, row.section, row.patch])).toEqual([
      [5, 'reported', { n: 5 }],
      [5, 'desired', { n: 5 }],
      [4, 'reported', { n: 4 }],
    ])
    const paged = []
    let before = read({ limit: 3 }).next
    paged.push(...read({ limit: 3 }).items)
    while (before !== undefined) {
      const page = read({ limit: 3, before })
      paged.push(...page.items)
      before = page.next
    }
    expect(paged).toEqual(all)
    const second = (n: number) => new Date(start + n * 1_000).toISOString()
    expect(
      read({ section: 'desired', from: second(2), to: second(4) }).items.map((row) => row.version),
    ).toEqual([3, 2])
  })
})

describe('a twin from before the history', () => {
  it('keeps its document and version, and replays from the first change that is kept', () => {
    const storage = new MemoryStorage()
    const options = { kind: 'devices', now: () => 0, bootId: 'boot', destinations: {} }
    const entropy = { salt: () => '00'.repeat(16), random: () => 0.5 }
    const { shadow, ...document } = emptyTwin
    const twin = { ...document, desired: { a: 1 }, version: 7 }
    new JournalCore(storage, { ...options, schema: [createTwinTables] }, entropy).create(
      deviceId,
      { actor: 'ann', source: 'http', id: 'create', body: {} },
      () => ({ state: { twin }, events: [], outcome: null }),
    )
    const { state } = new JournalCore<{ twin: TwinDocument }>(
      storage,
      { ...options, schema: [createTwinTables, createHistoryTable] },
      entropy,
    )
    expect(state?.twin).toEqual({ ...twin, shadow })
    const history = new TwinHistory((sql, ...bindings) => storage.exec(sql, ...bindings))
    expect(history.desiredSince(7)).toBeUndefined()
    history.save([{ version: 8, section: 'desired', patch: { a: 2 }, actor: 'ann', at: 0 }])
    expect([history.desiredSince(6), history.desiredSince(7)?.length]).toEqual([undefined, 1])
  })
})
