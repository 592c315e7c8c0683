/** At most so many in any stretch of so long. */
export interface Budget {
  max: number
  perMs: number
}

/** What was spent, in slots of time, oldest first: when each began, and how much. */
export type Spent = readonly (readonly [at: number, count: number])[]

/** Times within one slot are one: a minute of thousands stays small, and no stretch allows more than its budget. */
const SLOT_MS = 1000

/**
 * Spends one, unless a budget has none left.
 *
 * @returns what is spent now, and how long to wait where it was refused, milliseconds; 0 where it was not
 */
export function spend(
  spent: Spent,
  budgets: readonly Budget[],
  now: number,
): { spent: Spent; wait: number } {
  const longest = Math.max(0, ...budgets.map(({ perMs }) => perMs))
  // A slot counts until its last moment is out of the stretch.
  const endsAt = (at: number) => at + SLOT_MS
  const kept = spent.filter(([at]) => endsAt(at) > now - longest)
  let wait = 0
  for (const { max, perMs } of budgets) {
    const within = kept.filter(([at]) => endsAt(at) > now - perMs)
    let over = within.reduce((sum, [, count]) => sum + count, 0) + 1 - max
    for (const [at, count] of within) {
      if (over <= 0) break
      over -= count
      wait = Math.max(wait, endsAt(at) + perMs - now)
    }
    // A budget of nothing never has any left.
    if (over > 0) wait = Math.max(wait, perMs)
  }
  if (wait > 0) return { spent: kept, wait }
  const slot = Math.floor(now / SLOT_MS) * SLOT_MS
  const last = kept.at(-1)
  if (last !== undefined && last[0] >= slot)
    return { spent: [...kept.slice(0, -1), [last[0], last[1] + 1]], wait: 0 }
  return { spent: [...kept, [slot, 1]], wait: 0 }
}
