import type { JsonObject, JsonValue } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isObject, jsonFault, sameJson } from '../json-limits.ts'
import { difference, emptyTwin, patchSection, type TwinDocument, toTwin } from './twin-document.ts'

const early = '2026-11-21T10:00:00.000Z'
const late = '2026-11-21T11:00:00.000Z'

function patched(twin: TwinDocument, patch: JsonObject, time = early): TwinDocument {
  const result = patchSection(twin, 'desired', patch, time)
  if (!result.ok) throw new Error(result.error.detail)
  return result.value
}

const key = fc.oneof(
  fc.constantFrom('a', 'b', 'constructor', 'toString', 'hasOwnProperty'),
  fc.string({ maxLength: 3 }).filter((name) => name !== '__proto__' && name.isWellFormed()),
)
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom('', 'x'), fc.constant(null))
const section = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
  object: fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonObject>,
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 4 },
    leaf,
    fc.array(fc.integer(), { maxLength: 2 }),
    tie('object'),
  ) as fc.Arbitrary<JsonValue>,
})).object

/** RFC 7396 §2, as it is written there. */
function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isObject(patch)) return patch
  const result: JsonObject = isObject(target) ? { ...target } : {}
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name]
    else result[name] = mergePatch(Object.hasOwn(result, name) ? result[name] : undefined, value)
  return result
}

describe('a patch of a section', () => {
  it('merges as RFC 7396 says, and grows the version only when something changes', () => {
    fc.assert(
      fc.property(section, section, (first, second) => {
        const one = patched(emptyTwin, first)
        const two = patched(one, second, late)
        const expected = mergePatch(mergePatch({}, first), second) as JsonObject
        expect(sameJson(two.desired, expected)).toBe(true)
        const changed = !sameJson(one.desired, two.desired)
        expect(two.version).toBe(one.version + (changed ? 1 : 0))
        expect(patched(two, second, late)).toBe(two)
      }),
    )
  })

  it('keeps the time of fields that stay as they were', () => {
    const one = patched(emptyTwin, { a: 1, in: { b: [1], c: 2 } })
    const two = patched(one, { a: 1, in: { b: [1, 2] } }, late)
    expect(two.metadata.desired).toEqual({
      a: { timestamp: early },
      in: { b: { timestamp: late }, c: { timestamp: early } },
    })
    expect(patched(two, { in: null }, late).metadata.desired).toEqual({ a: { timestamp: early } })
  })

  it('is refused beyond 8 levels, beyond 8 KiB and for names that reach into prototypes', () => {
    const nested = (levels: number): JsonObject =>
      levels === 1 ? { leaf: 1 } : { in: nested(levels - 1) }
    const refusal = (patch: JsonObject) => {
      const result = patchSection(emptyTwin, 'reported', patch, early)
      return result.ok ? undefined : result.error.code
    }
    expect(refusal(nested(8))).toBeUndefined()
    expect(refusal(nested(9))).toBe('too_deep')
    expect(refusal(nested(5_000))).toBe('too_deep')
    expect(refusal({ text: 'é'.repeat(4_090) })).toBeUndefined()
    expect(refusal({ text: 'é'.repeat(4_100) })).toBe('too_large')
    expect(refusal(JSON.parse('{"__proto__":{"admin":true}}') as JsonObject)).toBe('not_storable')
    expect(refusal({ number: Number.POSITIVE_INFINITY })).toBe('not_storable')
    expect(refusal({ text: '\ud800' })).toBe('not_storable')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

describe('the difference', () => {
  it('is what reported lacks, or has otherwise: merged into reported nothing is left of it', () => {
    fc.assert(
      fc.property(section, section, (wanted, actual) => {
        const desired = mergePatch({}, wanted) as JsonObject
        const reported = mergePatch({}, actual) as JsonObject
        const delta = difference(desired, reported)
        expect(difference(desired, mergePatch(reported, delta) as JsonObject)).toEqual({})
        expect(sameJson(mergePatch(desired, delta), desired)).toBe(true)
      }),
    )
  })

  it('stands in the twin beside both sections', () => {
    const twin = patched(emptyTwin, { fan: { on: true, speed: 2 }, name: 'x' })
    const reported = patchSection(twin, 'reported', { fan: { on: true }, extra: 1 }, late)
    if (!reported.ok) throw new Error(reported.error.code)
    expect(toTwin(reported.value)).toMatchObject({
      delta: { fan: { speed: 2 }, name: 'x' },
      version: 2,
    })
  })
})

describe('what can be stored', () => {
  it('never takes more than the levels it may look into', () => {
    const deep = JSON.parse(`${'['.repeat(10_000)}${']'.repeat(10_000)}`) as JsonValue
    expect(jsonFault(deep, 32)).toBe('too_deep')
    expect(jsonFault(JSON.parse('[[1]]'), 2)).toBeUndefined()
    expect(jsonFault(JSON.parse('[[1]]'), 1)).toBe('too_deep')
  })
})
