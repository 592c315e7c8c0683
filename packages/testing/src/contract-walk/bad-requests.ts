import type { DeclaredRoute } from '@menagerie/contracts/routes'

/** One request that no route may take. */
export interface BadRequest {
  /** What is wrong with it. */
  fault: string
  path: string
  method: string
  headers: Record<string, string>
  body?: string | Uint8Array<ArrayBuffer>
  /** The code a caller who may call the route must get, where the fault fixes it. */
  code?: string | undefined
}

const json = { 'content-type': 'application/json' }

/** Bodies that are bad whatever a route takes. */
const bodies: {
  fault: string
  headers: Record<string, string>
  body: BadRequest['body']
  code?: string
}[] = [
  { fault: 'malformed JSON', headers: json, body: '{"a":', code: 'malformed_json' },
  { fault: 'JSON cut in a string', headers: json, body: '{"a":"', code: 'malformed_json' },
  {
    fault: 'bytes that are no UTF-8',
    headers: json,
    body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]),
    code: 'malformed_json',
  },
  { fault: 'an array', headers: json, body: '[]', code: 'validation_failed' },
  { fault: 'null', headers: json, body: 'null', code: 'validation_failed' },
  { fault: 'a text', headers: json, body: '"text"', code: 'validation_failed' },
  { fault: 'a number', headers: json, body: '1e400', code: 'validation_failed' },
  {
    fault: 'only an unknown field',
    headers: json,
    body: '{"unknownField":1}',
    code: 'validation_failed',
  },
  {
    fault: '__proto__ (S63)',
    headers: json,
    body: '{"__proto__":{"roles":["admin"]},"unknownField":1}',
    code: 'validation_failed',
  },
  {
    fault: 'depth 10,000 (S71)',
    headers: json,
    body: `{"unknownField":${'['.repeat(10_000)}${']'.repeat(10_000)}}`,
  },
  {
    fault: 'text/plain',
    headers: { 'content-type': 'text/plain' },
    body: '{}',
    code: 'unsupported_media_type',
  },
  {
    fault: 'no content type',
    headers: {},
    body: new TextEncoder().encode('{"unknownField":1}'),
    code: 'unsupported_media_type',
  },
  {
    fault: 'a form',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x--',
    code: 'unsupported_media_type',
  },
  {
    fault: 'a compressed body',
    headers: { ...json, 'content-encoding': 'gzip' },
    body: 'x',
    code: 'unsupported_media_type',
  },
]

const tooLarge = (route: DeclaredRoute): (typeof bodies)[number] => ({
  fault: 'more bytes than the route reads',
  headers: json,
  body: JSON.stringify({
    unknownField: 'x'.repeat((route.policy.bodyLimitBytes ?? 64 * 1024) + 6 * 1024),
  }),
  code: 'payload_too_large',
})

const queries = [
  'unknownField=1',
  'limit=0',
  'limit=-1',
  'limit=1000000000',
  'limit=1&limit=2',
  'limit=x',
  'limit=',
  'afterSeq=',
  'afterSeq=-1',
  'afterSeq=1e3',
  'cursor=bm90LW91cnM.AAAA',
  "cursor=' OR 1=1--",
]

const wrongValues: readonly unknown[] = [{}, [], 7.5, true, '\u0000', 'x'.repeat(5_000)]

/**
 * Every bad request the walk makes of a route: bodies, single fields of wrong types, queries and path parameters.
 *
 * @param withFields whether a body's fields are gone through too; of no use for who is refused before they are read
 */
export function badRequests(route: DeclaredRoute, withFields: boolean): BadRequest[] {
  const method = route.method.toUpperCase()
  const base = {
    method,
    path: fill(route.path, '019aa5b8-7c00-7000-8000-0000000000ff'),
    headers: {},
  }
  return [
    ...badBodies(route, base, withFields),
    ...badQueries(route, base),
    ...badParameters(route, base),
  ]
}

type Base = Pick<BadRequest, 'method' | 'path' | 'headers'>

function badBodies(route: DeclaredRoute, base: Base, withFields: boolean): BadRequest[] {
  const media = route.request?.body?.content['application/json']
  const schema = media && 'schema' in media ? media.schema : undefined
  if (schema === undefined) return []
  const fields = Object.keys(shapeOf(schema)).flatMap((field) =>
    wrongValues.map((value) => ({
      fault: `${field} = ${JSON.stringify(value).slice(0, 20)} beside an unknown field`,
      headers: json,
      body: JSON.stringify({ [field]: value, unknownField: 1 }),
      code: 'validation_failed',
    })),
  )
  const taken = takesAnyField(schema)
  const refused = taken ? bodies.filter(({ body }) => !isSmallObject(body)) : bodies
  return [...refused, tooLarge(route), ...(withFields ? fields : [])].map(
    (bad) => ({ ...base, ...bad }) as BadRequest,
  )
}

/** A body of names that its sender chooses has no unknown ones. */
const takesAnyField = (schema: unknown): boolean =>
  typeof schema === 'object' && schema !== null && 'keyType' in schema

const isSmallObject = (body: BadRequest['body']): boolean =>
  typeof body === 'string' && body.includes('unknownField') && body.length < 1000

function badQueries(route: DeclaredRoute, base: Base): BadRequest[] {
  const schema = route.request?.query
  if (schema === undefined || route.policy.access === 'signature') return []
  const known = Object.keys(shapeOf(schema))
  return queries
    .filter(
      (query) => query.startsWith('unknownField') || known.includes(query.split('=')[0] ?? ''),
    )
    .map((query) => ({
      ...base,
      fault: `?${query}`,
      path: `${base.path}?${query}`,
      code: 'validation_failed',
    }))
}

function badParameters(route: DeclaredRoute, base: Base): BadRequest[] {
  const [, name] = IDENTIFIER.exec(route.path) ?? []
  if (name === undefined) return []
  const ids = ['1', 'not-an-id', '%00', "' OR 1=1--", 'x'.repeat(300)]
  // Devices bring ids of their own, so what is no id depends on the route. Without the body that a route asks for, a
  // good id gets no further than that.
  const missing =
    route.policy.access === 'socket' || route.request?.body !== undefined ? undefined : 'not_found'
  return [
    ...ids.map((id) => ({
      ...base,
      fault: `id ${id.slice(0, 12)}`,
      path: fill(route.path, encodeURIComponent(id)),
      code: isId(route, name, id) ? missing : 'validation_failed',
    })),
    { ...base, fault: 'an id that nothing has', code: missing },
  ]
}

function isId(route: DeclaredRoute, name: string, id: string): boolean {
  const schema = route.request?.params as { safeParse(value: unknown): { success: boolean } }
  const others = Object.entries(parameters).filter(([other]) => route.path.includes(`{${other}}`))
  return schema.safeParse({ ...Object.fromEntries(others), [name]: id }).success
}

/** Other variables of paths, with a value of their kind that nothing has. */
const parameters: Readonly<Record<string, string>> = {
  participantId: 'p9',
  commandId: '019aa5b8-7c00-7000-8000-0000000000cc',
}

/** What is made by us and has an id. */
const IDENTIFIER = /\{(id|sid)\}/

/** A path with its variables filled: `{id}` and `{sid}` with the value, all others with a word. */
export const fill = (path: string, id: string): string =>
  path
    .replace(IDENTIFIER, id)
    .replace('{realm}', 'no-such-realm')
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? 'x')

function shapeOf(schema: unknown): Record<string, unknown> {
  return typeof schema === 'object' && schema !== null && 'shape' in schema
    ? (schema.shape as Record<string, unknown>)
    : {}
}
