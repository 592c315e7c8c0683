import fc from 'fast-check'
import {
  type CallCommand,
  type CallInput,
  carrierStatuses,
} from '../../src/call-room/call-inputs.ts'

import {
  ada,
  beginnings,
  bob,
  callSid,
  other,
  people,
  queueIds,
  T0,
  third,
  user,
  World,
} from './call-world.ts'

const userId = fc.constantFrom(...people)
const participantId = fc.constantFrom('p1', 'p2', 'p3', 'p4', 'p5')
const target = fc.constantFrom(
  ...people.map((id) => `user:${id}`),
  ...queueIds.map((id) => `queue:${id}`),
  other,
  third,
)
const command: fc.Arbitrary<CallCommand> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<CallCommand>({ type: 'answer' }) },
  fc.constantFrom<CallCommand>(
    { type: 'reject' },
    { type: 'hangup' },
    { type: 'hold' },
    { type: 'resume' },
    { type: 'dtmf', digits: '12#' },
    { type: 'mute', muted: true },
    { type: 'disposition', disposition: 'sold', notes: 'a note' },
    { type: 'requeue' },
    { type: 'requeue', queueId: user(9), priority: 7 },
    { type: 'message', clientMessageId: 'a', body: 'hello' },
    { type: 'read', seq: 3 },
    { type: 'transfer', mode: 'complete' },
    { type: 'transfer', mode: 'cancel' },
    { type: 'resume', expectedStatus: 'on-hold' },
  ),
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('transfer' as const),
      mode: fc.constantFrom('blind' as const, 'attended' as const),
      to: target,
    }),
  },
  participantId.map((id): CallCommand => ({ type: 'remove', participantId: id })),
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(other, third)
      .map((to): CallCommand => ({ type: 'transfer', mode: 'attended', to })),
  },
)
const leg = fc.constantFrom('l1', 'l1', 'l2')
/** The carrier's word of a telephone that is asked. */
const legInput: fc.Arbitrary<CallInput> = leg.chain((id) => wordOf(id, id === 'l1' ? 'CA3' : 'CA5'))
const wordOf = (leg: string, sid: string): fc.Arbitrary<CallInput> =>
  fc.oneof(
    fc.record({
      type: fc.constant('carrier.report' as const),
      leg: fc.constant(leg),
      report: fc.record({
        callSid: fc.constantFrom(sid, sid, sid, 'CA4'),
        status: fc.constantFrom('in-progress' as const, 'in-progress' as const, ...carrierStatuses),
        rejected: fc.boolean(),
        durationSeconds: fc.constant(null),
      }),
    }),
    fc.record({
      type: fc.constant('carrier.asked' as const),
      leg: fc.constant(leg),
      callSid: fc.constant(sid),
      dial: fc.option(
        fc.record({ participantId, status: fc.constantFrom('completed', 'busy', 'no-answer') }),
      ),
    }),
    fc.record({
      type: fc.constant('carrier.accepted' as const),
      leg: fc.constant(leg),
      callSid: fc.constant(sid),
    }),
    fc.record({
      type: fc.constantFrom('carrier.refused', 'carrier.absent', 'carrier.lost'),
      leg: fc.constant(leg),
    }),
  ) as fc.Arbitrary<CallInput>
const input: fc.Arbitrary<CallInput> = fc.oneof(
  fc.record({
    type: fc.constant('carrier.report' as const),
    report: fc.record({
      callSid: fc.constantFrom(callSid, callSid, callSid, callSid, 'CA2'),
      status: fc.constantFrom('ringing' as const, 'in-progress' as const, ...carrierStatuses),
      rejected: fc.boolean(),
      durationSeconds: fc.option(fc.integer({ min: 0, max: 60 })),
    }),
  }),
  userId.map((id): CallInput => ({ type: 'user.present', userId: id, connectionId: `${id}-tab` })),
  userId.map((id): CallInput => ({ type: 'user.present', userId: id, connectionId: `${id}-two` })),
  userId.map((id): CallInput => ({ type: 'user.absent', userId: id })),
  fc.record({
    type: fc.constant('carrier.asked' as const),
    callSid: fc.constant(callSid),
    dial: fc.option(
      fc.record({
        participantId,
        status: fc.constantFrom(
          'answered' as const,
          'completed' as const,
          'busy' as const,
          'no-answer' as const,
        ),
      }),
    ),
  }),
  fc.record({
    type: fc.constant('agent.accepted' as const),
    acceptance: fc.record({
      callId: fc.constant(user(0)),
      offer: fc.integer({ min: 1, max: 3 }),
      reservationId: fc.constantFrom('r1', 'r2'),
      agentId: userId,
      queueId: fc.constantFrom(...queueIds),
      at: fc.constant(T0),
    }),
  }),
  fc.record({
    type: fc.constant('desk.rang' as const),
    number: fc.integer({ min: 1, max: 3 }),
    devices: fc.integer({ min: 0, max: 2 }),
  }),
  fc.record({
    type: fc.constant('work.done' as const),
    agentId: userId,
    seconds: fc.integer({ min: 0, max: 30 }),
  }),
  fc.constantFrom<CallInput>(
    { type: 'carrier.accepted', callSid },
    { type: 'carrier.refused' },
    { type: 'carrier.absent' },
    { type: 'carrier.lost' },
    { type: 'queue.missing', offer: 1 },
    { type: 'timer.gone', participantId: 'p1', present: true },
    { type: 'device.changed', participantId: 'p1', connectionId: 'another' },
  ),
)
type Happening =
  | { input: CallInput; times: number }
  | { command: CallCommand; by: string }
  | { ms: number }
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ input, times: fc.integer({ min: 1, max: 2 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ input: legInput, times: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 5, arbitrary: fc.record({ command, by: userId }) },
  { weight: 1, arbitrary: fc.record({ ms: fc.integer({ min: 0, max: 40_000 }) }) },
)
export const history = fc.record({
  kind: fc.constantFrom(...(Object.keys(beginnings) as (keyof typeof beginnings)[])),
  answeredAtOnce: fc.constantFrom(
    false,
    true,
    'and a phone is asked' as const,
    'and a phone has joined' as const,
  ),
  happenings: fc.array(happening, { maxLength: 40 }),
})

export function play(
  kind: keyof typeof beginnings,
  answeredAtOnce: boolean | 'and a phone is asked' | 'and a phone has joined',
): World {
  const world = new World(beginnings[kind]())
  if (!answeredAtOnce) return world
  for (const userId of [ada, bob])
    world.do({ type: 'user.present', userId, connectionId: `${userId}-tab` })
  const report = { callSid, status: 'in-progress', rejected: false, durationSeconds: null } as const
  world.do({ type: 'carrier.report', report })
  world.obey({ type: 'answer' }, bob)
  if (answeredAtOnce === true) return world
  const { contact } = world.state
  if (contact?.waits === true) {
    const taken = { callId: user(0), offer: 1, reservationId: 'r0', queueId: user(8), at: T0 }
    world.do({ type: 'agent.accepted', acceptance: { ...taken, agentId: ada } })
  }
  world.obey({ type: 'transfer', mode: 'attended', to: other }, ada)
  if (answeredAtOnce === 'and a phone is asked') return world
  world.do({ type: 'carrier.report', leg: 'l1', report: { ...report, callSid: 'CA3' } })
  world.obey({ type: 'transfer', mode: 'complete' }, ada)
  return world
}

export function happen(world: World, what: Happening): void {
  if ('ms' in what) world.advance(what.ms)
  else if ('command' in what) world.obey(what.command, what.by)
  else for (let n = 0; n < what.times; n++) world.do(what.input)
}

export const rank: Record<string, number> = {
  queued: 0,
  ringing: 1,
  'in-progress': 2,
  'on-hold': 2,
}
