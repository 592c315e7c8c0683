/** Anything JSON can say. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | JsonValue[]
  | { [key: string]: JsonValue }
export type JsonObject = { [key: string]: JsonValue }

/**
 * The JSON Canonicalization Scheme: members sorted by UTF-16 code units, no white space, numbers and
 * strings as ECMAScript writes them (RFC 8785 §3.2). Members that are `undefined` are left out, as
 * `JSON.stringify` does.
 *
 * @throws TypeError for what I-JSON cannot hold: NaN, infinities and lone surrogates (RFC 8785 §3.2.2).
 */
export function canonicalJson(value: JsonValue): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON form`)
    return JSON.stringify(value)
  }
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw new TypeError('A lone surrogate has no JSON form')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const members = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${canonicalJson(key)}:${canonicalJson(value[key] as JsonValue)}`)
  return `{${members.join(',')}}`
}
