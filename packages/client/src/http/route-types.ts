import type { RoutePolicy } from '@menagerie/contracts/routes'

/**
 * What the types read of a zod schema. Spelled by structure, so that this package needs no zod of its own; the two
 * members are those zod 4 keeps its inferred types in.
 */
interface Schema<I = unknown, O = unknown> {
  _zod: { input: I; output: O }
}
type InputOf<S> = S extends Schema<infer I, unknown> ? I : never
type OutputOf<S> = S extends Schema<unknown, infer O> ? O : never

/** A declared route, as far as a caller needs it: any value of the groups in `@menagerie/contracts/routes`. */
export interface CallableRoute {
  method: string
  path: string
  policy: Pick<RoutePolicy, 'access'>
  request?: unknown
  responses: object
}

export interface CallSettings {
  /** Makes a repeat safe: the same key and body get the first answer again (contract §1). */
  idempotencyKey?: string
  signal?: AbortSignal
}

type IsUnknown<T> = unknown extends T ? true : false

/** Values that a query coerces accept anything as input: there the parsed type says what is meant. */
type QueryValues<S> =
  InputOf<S> extends infer I
    ? { [K in keyof I]: IsUnknown<I[K]> extends true ? Get<OutputOf<S>, K> | undefined : I[K] }
    : never
type Get<T, K> = K extends keyof T ? T[K] : never

type ParamsInput<R> = R extends { params: infer S } ? { params: InputOf<S> } : unknown
type QueryInput<R> = R extends { query: infer S }
  ? Record<never, never> extends QueryValues<S>
    ? { query?: QueryValues<S> }
    : { query: QueryValues<S> }
  : unknown
type BodyInput<R> = R extends { body: infer B }
  ? B extends { content: { 'application/json': { schema: infer S } } }
    ? B extends { required: false }
      ? { body?: InputOf<S> }
      : { body: InputOf<S> }
    : unknown
  : unknown

type RequestOf<R> = R extends { request: infer Q } ? Q : unknown

/** What a route takes: its params, query and body, and the settings of one call. */
export type CallInput<R extends CallableRoute> = CallSettings &
  ParamsInput<RequestOf<R>> &
  QueryInput<RequestOf<R>> &
  BodyInput<RequestOf<R>>

type Success = 200 | 201 | 202 | 203 | 204 | 206

type BodyOf<A> = A extends { content: infer C }
  ? { [M in keyof C]: C[M] extends { schema: infer S } ? OutputOf<S> : never }[keyof C]
  : undefined

/** What a route answers when it succeeds: the JSON body, a text, or `undefined` where there is no body. */
export type Answer<R extends CallableRoute> = {
  [S in keyof R['responses']]: S extends Success ? BodyOf<R['responses'][S]> : never
}[keyof R['responses']]

/** The input may be left out where nothing in it is required. */
export type CallArguments<R extends CallableRoute> =
  Record<never, never> extends CallInput<R> ? [input?: CallInput<R>] : [input: CallInput<R>]
