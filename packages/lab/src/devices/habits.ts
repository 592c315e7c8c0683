/** What happens to a device besides measuring. */
export interface Habits {
  /** Length of its naps in seconds, about as long as it is awake in between; 0 for a device that never sleeps. */
  sleepSeconds: number
  /** How often a minute its connection is lost. */
  dropsPerMinute: number
}

/** The part of a device that habits act on. */
export interface Creature {
  readonly isAsleep: boolean
  sleep(): void
  wake(): void
  drop(): void
}

const TICK_MS = 1_000

/**
 * Lets devices sleep and lose their connections, each at its own moments. One timer for all of them.
 *
 * @returns stops it; who sleeps then is woken
 */
export function startHabits(
  creatures: readonly Creature[],
  { sleepSeconds, dropsPerMinute }: Habits,
  random: () => number = Math.random,
): () => void {
  if (sleepSeconds === 0 && dropsPerMinute === 0) return () => {}
  const napMs = sleepSeconds * 1000
  const now = performance.now()
  // Each begins somewhere in its first time awake, so that they do not all sleep at once.
  const turnsAt = new Map(creatures.map((creature) => [creature, now + random() * napMs]))
  const tick = () => {
    const at = performance.now()
    for (const creature of creatures) {
      if (napMs > 0 && at >= (turnsAt.get(creature) ?? 0)) {
        turnsAt.set(creature, at + napMs * (0.75 + random() / 2))
        if (creature.isAsleep) creature.wake()
        else creature.sleep()
      } else if (!creature.isAsleep && random() < (dropsPerMinute * TICK_MS) / 60_000)
        creature.drop()
    }
  }
  const timer = setInterval(tick, Math.min(TICK_MS, Math.max(50, napMs / 4 || TICK_MS)))
  return () => {
    clearInterval(timer)
    for (const creature of creatures) if (creature.isAsleep) creature.wake()
  }
}
