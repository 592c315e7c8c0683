import type { JsonObject, JsonValue } from '@menagerie/core'

/** What keeps a parsed value from being stored. */
export type JsonFault = 'too_deep' | 'not_storable'

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Looks a parsed value over without ever going deeper than the limit, so that no nesting can exhaust the stack.
 * `not_storable` is what I-JSON cannot hold (RFC 7493: lone surrogates, numbers out of range such as 1e999), and the
 * name `__proto__`, which would reach into prototypes when members are copied.
 *
 * @param maxDepth levels of objects and arrays; a text or number alone has none
 */
export function jsonFault(value: unknown, maxDepth: number): JsonFault | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'not_storable'
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'not_storable'
  if (typeof value !== 'object' || value === null) return undefined
  if (maxDepth === 0) return 'too_deep'
  if (Array.isArray(value)) return firstFault(value, maxDepth - 1)
  const keys = Object.keys(value)
  if (keys.some((key) => key === '__proto__' || !key.isWellFormed())) return 'not_storable'
  return firstFault(Object.values(value), maxDepth - 1)
}

function firstFault(values: readonly unknown[], maxDepth: number): JsonFault | undefined {
  for (const value of values) {
    const fault = jsonFault(value, maxDepth)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** What is said of a member that nobody knows: its name, as far as it is short, and those that are known. */
export function unknownMember(name: string, known: ReadonlySet<string>): string {
  const shown = JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name)
  const names = [...known].filter((one) => one !== 'deviceId').join(', ')
  return `has a member ${shown} that is not known; known are ${names}`
}

/** Bytes of a value as JSON. */
export const jsonBytes = (value: JsonValue): number => Buffer.byteLength(JSON.stringify(value))

/** Whether two values say the same; the order of members does not matter. */
export function sameJson(one: JsonValue | undefined, other: JsonValue | undefined): boolean {
  if (one === other) return true
  if (Array.isArray(one) && Array.isArray(other))
    return one.length === other.length && one.every((value, index) => sameJson(value, other[index]))
  if (!isObject(one) || !isObject(other)) return false
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && sameJson(one[key], other[key]))
  )
}
