import type { JsonObject } from '@menagerie/core'
import fc from 'fast-check'
import type { DeviceMessage, TopicKind } from '../../src/device-twin/twin-types.ts'
import { deviceId, type Twin } from './whole-twin.ts'

const micros = (at: number, n: number) =>
  new Date(at).toISOString().replace('Z', `${String(n % 1000).padStart(3, '0')}Z`)

/** What a device says, before it is known when. Times are seconds before its arrival. */
export type Said =
  | {
      say: 'sample'
      stream: string
      values: number[]
      ago: number | null
      number: [number, number] | null
    }
  | { say: 'event'; id: string | null; number: [number, number] | null }
  | { say: 'reported'; state: JsonObject; behind: number }
  | { say: 'shadow'; action: 'get' | 'update' | 'delete'; state: JsonObject; behind: number }
  | { say: 'presence'; state: 'online' | 'offline'; session: string | null; time: number | null }
  | { say: 'answer'; pick: number; answer: 'ack' | 'progress' | 'result'; payload: JsonObject }
  | { say: 'nonsense'; text: string }

const number = fc.option(fc.tuple(fc.constantFrom(0, 1, 2), fc.integer({ min: 1, max: 12 })), {
  nil: null,
}) as fc.Arbitrary<[number, number] | null>
/** A patch of a few fields. */
export const small = fc.dictionary(
  fc.constantFrom('a', 'b'),
  fc.constantFrom<JsonObject[string]>(0, 1, null, { c: 1 }, { c: null }, [1]),
  { maxKeys: 2 },
) as fc.Arbitrary<JsonObject>
const behind = fc.constantFrom(-1, -1, 0, 1)
/** Anything a device may say. */
export const said: fc.Arbitrary<Said> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      say: fc.constant('sample' as const),
      stream: fc.constantFrom('a', 'b'),
      values: fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 3 }),
      ago: fc.option(fc.constantFrom(-3600, 0, 1, 70, 4000, 90_000), { nil: null }),
      number,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      say: fc.constant('event' as const),
      id: fc.option(fc.constantFrom('x', 'y'), { nil: null }),
      number,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ say: fc.constant('reported' as const), state: small, behind }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      say: fc.constant('shadow' as const),
      action: fc.constantFrom('get', 'update', 'update', 'delete'),
      state: fc.record({ desired: small, reported: small }, { requiredKeys: [] }),
      behind,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      say: fc.constant('presence' as const),
      state: fc.constantFrom('online', 'offline'),
      session: fc.constantFrom('s1', 's2', 's3', null),
      time: fc.option(fc.constantFrom(0, 5, 60), { nil: null }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      say: fc.constant('answer' as const),
      pick: fc.nat(3),
      answer: fc.constantFrom('ack', 'progress', 'result'),
      payload: fc.constantFrom<JsonObject>({}, { status: 'succeeded' }, { status: 'rejected' }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      say: fc.constant('nonsense' as const),
      text: fc.constantFrom('no json', '{"values":1,"seq":3}'),
    }),
  },
) as fc.Arbitrary<Said>

/** What was said as the bridge brings it: each has a time of arrival of its own. @param arrival its number */
export function message(twin: Twin, one: Said, arrival: number): DeviceMessage {
  const { clock, state } = twin
  const receivedAt = micros(clock, arrival)
  const make = (rest: string, of: TopicKind, payload: JsonObject | JsonObject[] | string) => ({
    topic: rest.startsWith('$') ? rest : `v1/devices/${deviceId}/${rest}`,
    of,
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    qos: 1 as const,
    receivedAt,
  })
  const timed = (ago: number | null) =>
    ago === null ? {} : { time: new Date(clock - ago * 1000).toISOString() }
  const numbered = (told: [number, number] | null) =>
    told === null ? {} : { epoch: told[0], seq: told[1] }
  const version = (steps: number) =>
    steps < 0 ? {} : { version: Math.max(0, state.twin.version - steps) }
  switch (one.say) {
    case 'sample':
      return make(
        `telemetry/${one.stream}`,
        { kind: 'telemetry', stream: one.stream },
        one.values.map((v) => ({ values: { v }, ...timed(one.ago), ...numbered(one.number) })),
      )
    case 'event': {
      const id = one.id === null ? {} : { id: one.id }
      const payload = { data: arrival, ...id, ...numbered(one.number) }
      return make('events/door', { kind: 'event', name: 'door' }, payload)
    }
    case 'reported':
      return make(
        'twin/reported',
        { kind: 'reported' },
        { state: one.state, ...version(one.behind) },
      )
    case 'shadow':
      return make(
        `$aws/things/${deviceId}/shadow/${one.action}`,
        { kind: 'shadow', action: one.action },
        one.action === 'update' ? { state: one.state, ...version(one.behind) } : {},
      )
    case 'presence': {
      const session = one.session === null ? {} : { session: one.session }
      const payload = { state: one.state, ...session, ...timed(one.time) }
      return make('presence', { kind: 'presence' }, payload)
    }
    case 'answer': {
      const known = twin.storage.exec<{ id: string }>('SELECT id FROM commands ORDER BY n')
      const commandId = known[one.pick]?.id ?? 'none'
      return make(
        `commands/${commandId}/${one.answer}`,
        { kind: 'answer', answer: one.answer, commandId },
        one.payload,
      )
    }
    case 'nonsense':
      return make('telemetry/a', { kind: 'telemetry', stream: 'a' }, one.text)
  }
}
