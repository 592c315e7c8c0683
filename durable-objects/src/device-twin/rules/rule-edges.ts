import type { ThresholdRule } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { Happening } from '../device-state.ts'
import type { RuleEdge } from './threshold.ts'

/** Edges of one batch that are told one by one. */
export const MAX_EDGES = 1000

/** A rule that fired or was cleared, as it is journalled. */
export const ruleHappening = ({ rule, value, state, at }: RuleEdge): Happening => ({
  type: 'device.rule',
  data: { rule, value, state, time: toTimestamp(at) } as unknown as JsonObject,
})

/**
 * The edges of one batch. Of a value that flaps by the thousand, which would make more events than an object can store at
 * once, the rest is told as where each rule has come to in the end.
 */
export class RuleEdges {
  #told = 0
  /** The last edge of each rule that was not told, where it ends otherwise than it was told. */
  readonly #held = new Map<ThresholdRule, RuleEdge>()

  /** Whether this edge is told now. */
  add(edge: RuleEdge): boolean {
    if (this.#told < MAX_EDGES) {
      this.#told += 1
      return true
    }
    // A rule fires and is cleared in turn: two edges lead back to where it was.
    if (!this.#held.delete(edge.rule)) this.#held.set(edge.rule, edge)
    return false
  }

  /** What is still to be told at the end of the batch. */
  rest(): RuleEdge[] {
    return [...this.#held.values()]
  }
}
