import fc from 'fast-check'
import { World } from './world.ts'
import type { Op, Plan, Request, Variation } from './world-types.ts'

const plan: fc.Arbitrary<Plan> = fc.record({
  events: fc.integer({ min: 0, max: 3 }),
  to: fc.subarray<'sink' | 'queue'>(['sink', 'queue']),
  timer: fc.option(
    fc.record({
      name: fc.constantFrom('ring', 'wrap-up'),
      delayMs: fc.constantFrom(0, 1, 1_000, 90_000),
    }),
    { nil: undefined, freq: 3 },
  ),
})

/** Four keys, each with two bodies: repeats and conflicts are frequent. */
const requests: fc.Arbitrary<Request[]> = fc
  .array(fc.tuple(plan, plan), { minLength: 4, maxLength: 4 })
  .map((plans) =>
    plans.flatMap((variants, key) =>
      variants.map((one, variant) => ({ key: `key-${key}`, variant, plan: one })),
    ),
  )

const opOf = (pool: Request[]): fc.Arbitrary<Op> =>
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.constantFrom(...pool).map((request): Op => ({ op: 'request', request })),
    },
    { weight: 5, arbitrary: fc.constant<Op>({ op: 'alarm' }) },
    { weight: 2, arbitrary: fc.constant<Op>({ op: 'consume' }) },
    {
      weight: 2,
      arbitrary: fc
        .constantFrom(1, 5_000, 70_000, 1_000_000)
        .map((ms): Op => ({ op: 'advance', ms })),
    },
    { weight: 1, arbitrary: fc.constant<Op>({ op: 'restart' }) },
    { weight: 1, arbitrary: fc.constant<Op>({ op: 'evict' }) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(
          fc.constantFrom<'sink' | 'queue' | 'handler'>('sink', 'queue', 'handler'),
          fc.boolean(),
        )
        .map(([what, on]): Op => ({ op: 'fail', what, on })),
    },
    {
      weight: 4,
      arbitrary: fc.integer({ min: 1, max: 40 }).map((points): Op => ({ op: 'crash', points })),
    },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.nat({ max: 30 }), fc.integer({ min: 1, max: 10 }))
        .map(([after, limit]): Op => ({ op: 'replay', after, limit })),
    },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 1, max: 4 }).map((every): Op => ({ op: 'erase', every })),
    },
  )

/** Random histories of requests, faults and time. */
export const histories: fc.Arbitrary<Op[]> = requests.chain((pool) =>
  fc.array(opOf(pool), { minLength: 4, maxLength: 30 }),
)

/** Runs one history to its rest and checks the promises; returns the points at which the process died. */
export async function live(ops: readonly Op[], variation?: Variation): Promise<World> {
  const world = new World(variation)
  try {
    await world.run(ops)
    await world.settle()
    return world
  } finally {
    world.storage.close()
  }
}
