import { describe, expect, it } from 'vitest'
import { Random } from './contact-centre/random.ts'
import { World } from './contact-centre/world.ts'

const SCHEDULES = Number(process.env.CONTACT_CENTRE_SCHEDULES ?? 2000)
const FIRST_SEED = Number(process.env.CONTACT_CENTRE_SEED ?? 1)
const STEPS = 80

/** One schedule: everything happens in an order that the seed decides. */
function play(seed: number): World {
  const random = new Random(seed)
  const faults = {
    lostAnswer: random.of([0, 0.1, 0.4]) ?? 0,
    failed: random.of([0, 0.05, 0.2]) ?? 0,
    reordered: random.chance(0.7),
  }
  const size = { queues: 1 + random.below(3), agents: 1 + random.below(5) }
  const world = new World(random, faults, size)
  for (let step = 0; step < STEPS; step++) {
    const roll = random.next()
    if (roll < 0.12) world.call()
    else if (roll < 0.17) world.leave()
    else if (roll < 0.2) world.again()
    else if (roll < 0.38) world.agentActs()
    else if (roll < 0.4) world.crash()
    else if (roll < 0.9) world.deliver()
    else world.advance(random.of([10, 300, 2_000, 6_000, 26_000]) ?? 10)
  }
  world.settle()
  world.finish()
  return world
}

describe('queues, desks and rooms together', () => {
  it(`never let a contact wait while an agent has room, whatever ${SCHEDULES} schedules do`, () => {
    let answered = 0
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++)
      try {
        for (const { answers } of play(seed).queues) answered += answers.size
      } catch (error) {
        throw new Error(`Seed ${seed} (CONTACT_CENTRE_SEED=${seed}): ${String(error)}`, {
          cause: error,
        })
      }
    // The schedules are about something.
    expect(answered).toBeGreaterThan(SCHEDULES)
  }, 120_000)
})
