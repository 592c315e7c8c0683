import type { ThresholdRule } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { message, type Said, said, small } from './sayings.ts'
import { owner, Twin } from './whole-twin.ts'

const rules: ThresholdRule[] = [
  { stream: 'a', field: 'v', operator: 'above', threshold: 10 },
  { stream: 'a', field: 'v', operator: 'below', threshold: 5, durationSeconds: 60 },
  { stream: 'b', field: 'v', operator: 'above', threshold: 10, hysteresis: 3, durationSeconds: 5 },
]

type Step = { wait: number } & (
  | { do: 'take'; batch: Said[]; diesAfter: number; repeats: number; leaves: boolean }
  | { do: 'patch'; desired: JsonObject }
  | { do: 'send'; ttlSeconds: number; timeoutSeconds: number; atMostOnce: boolean }
  | { do: 'cancel'; pick: number }
  | { do: 'rules'; kept: number }
  | { do: 'watch'; inactivityTimeoutSeconds: number | null }
  | { do: 'alarm'; diesAfter: number }
)

// Within a second of a message its time is written only where somebody watches for silence.
const wait = fc.constantFrom(0, 1_000, 1_500, 30_000, 61_000, 3_600_000, 90_000_000, -5_000)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      wait,
      do: fc.constant('take' as const),
      batch: fc.array(said, { minLength: 1, maxLength: 6 }),
      diesAfter: fc.nat(60),
      repeats: fc.nat(2),
      leaves: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ wait, do: fc.constant('patch' as const), desired: small }) },
  {
    weight: 2,
    arbitrary: fc.record({
      wait,
      do: fc.constant('send' as const),
      ttlSeconds: fc.constantFrom(0, 60, 600),
      timeoutSeconds: fc.constantFrom(30, 600),
      atMostOnce: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ wait, do: fc.constant('cancel' as const), pick: fc.nat(3) }),
  },
  { weight: 1, arbitrary: fc.record({ wait, do: fc.constant('rules' as const), kept: fc.nat(3) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      wait,
      do: fc.constant('watch' as const),
      inactivityTimeoutSeconds: fc.constantFrom(null, 5, 60, 4000),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ wait, do: fc.constant('alarm' as const), diesAfter: fc.nat(40) }),
  },
) as fc.Arbitrary<Step>

async function run(
  steps: readonly Step[],
  how: 'calmly' | 'with faults' | 'one by one',
): Promise<Twin> {
  const withFaults = how === 'with faults'
  const twin = new Twin()
  let arrivals = 0
  for (const one of steps) {
    twin.clock += one.wait
    switch (one.do) {
      case 'take': {
        const batch = one.batch.map((what) => message(twin, what, arrivals++))
        if (withFaults) {
          if (one.leaves) twin.evict()
          twin.lives(() => twin.take(batch), one.diesAfter)
        }
        if (how === 'one by one') for (const one of batch) twin.take([one])
        else twin.take(batch)
        if (withFaults)
          for (let n = 0; n < one.repeats; n++) {
            if (one.leaves) twin.evict()
            twin.take(batch)
          }
        break
      }
      case 'patch': {
        const patch = { desired: one.desired }
        twin.parts.document.patch(owner, 'http', { key: null, patch, ifMatch: null }, {})
        break
      }
      case 'send': {
        const { ttlSeconds, timeoutSeconds, atMostOnce } = one
        const request = { name: 'blink', payload: {}, ttlSeconds, timeoutSeconds, atMostOnce }
        twin.parts.commands.send(owner, 'http', { key: null, request }, {})
        break
      }
      case 'cancel': {
        const found = twin.parts.commands.list(owner, { limit: 10 })
        const commandId = (found.ok && found.value.items[one.pick]?.id) || 'none'
        twin.parts.commands.cancel(owner, { key: null, commandId }, {})
        break
      }
      case 'rules':
        twin.parts.rules.put(owner, rules.slice(0, one.kept), {})
        break
      case 'watch': {
        const { inactivityTimeoutSeconds } = one
        twin.parts.registry.update(owner, { key: null, patch: { inactivityTimeoutSeconds } }, {})
        break
      }
      case 'alarm':
        if (withFaults) {
          twin.evict()
          await twin.alarm(one.diesAfter)
        }
        await twin.alarm()
        break
    }
  }
  for (let n = 0; n < 10; n++) await twin.alarm()
  return twin
}

const taken = (...batch: Said[]): Step => ({
  ...{ wait: 0, do: 'take', batch },
  ...{ diesAfter: 0, repeats: 0, leaves: false },
})

/** A sample without a number, then one with a number that is older than the first: it is late all the same. */
const unnumberedBetween: Step[] = [
  taken({ say: 'sample', stream: 'a', values: [0], ago: null, number: [2, 1] }),
  { wait: 0, do: 'rules', kept: 1 },
  taken(
    { say: 'sample', stream: 'a', values: [0], ago: null, number: null },
    { say: 'sample', stream: 'a', values: [11], ago: null, number: [0, 1] },
  ),
]

describe('a twin with all its parts', () => {
  const same = async (how: 'with faults' | 'one by one') =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (all) => {
        const steps = how === 'with faults' ? all : all.filter((one) => one.do !== 'send')
        const [calm, other] = [await run(steps, 'calmly'), await run(steps, how)]
        // The registry's row is told once for each batch.
        const except = how === 'one by one' ? 'projection' : undefined
        expect(other.dump(except)).toBe(calm.dump(except))
        calm.storage.close()
        other.storage.close()
      }),
      { numRuns: 100, examples: [[unnumberedBetween]] },
    )

  it('is the same in the end, and has told the same, however often it dies, leaves memory and is given a batch again', () =>
    same('with faults'))

  // Without commands: what waits is sent once, at the end of a batch in which the device came.
  it('is the same wherever a batch of messages ends', () => same('one by one'))
})
