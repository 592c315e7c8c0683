import { letGo } from './call-end.ts'
import { chain, having, type Move, unchanged } from './call-phase.ts'
import type { CallState, FlowState } from './call-types.ts'
import { bringIn } from './participants.ts'
import { startRing } from './ringing.ts'
import { enqueue } from './waiting.ts'

/** How long a voice may take for a letter, at its slowest. */
const LETTER_MS = 100

/** A flow before its first step. */
export const flowOf = (steps: FlowState['steps'] | null): FlowState | null =>
  steps === null ? null : { steps, next: 0, unsaid: 0, dialing: null }

/**
 * Goes through the flow until something has to be waited for. Words on the way are said by the carrier's next
 * instructions. A flow that comes to its end ends a call that came in; one that we made goes on.
 */
export const proceed =
  (now: number): Move =>
  (before) => {
    if (before.flow === null) return unchanged(before)
    let flow: FlowState = { ...before.flow, dialing: null }
    const at = (part: Partial<CallState> = {}): CallState => ({ ...before, ...part, flow })
    for (;;) {
      const step = flow.steps[flow.next]
      if (step === undefined)
        return before.details.direction === 'inbound'
          ? chain(at(), letGo('flow_ended', now, letters(flow) * LETTER_MS))
          : unchanged(at())
      flow = { ...flow, next: flow.next + 1 }
      switch (step.type) {
        case 'say':
          break
        case 'hangup':
          return chain(at(), letGo('flow_ended', now, letters(flow) * LETTER_MS))
        case 'enqueue':
          return chain(
            at(),
            enqueue(
              { queueId: step.queueId, priority: step.priority ?? null, skills: step.skills ?? [] },
              now,
            ),
          )
        case 'dial': {
          if (step.to.startsWith('user:')) {
            const userId = step.to.slice('user:'.length)
            return chain(at(), startRing(userId, 'flow', now + step.timeoutSeconds * 1000))
          }
          const asked = bringIn(at(), { kind: 'phone', address: step.to, entry: 'answer' })
          if (asked === undefined) break
          return chain(asked.state, having({ flow: { ...flow, dialing: asked.id } }))
        }
      }
    }
  }

const letters = ({ steps, unsaid, next }: FlowState): number =>
  steps
    .slice(unsaid, next)
    .reduce((sum, step) => sum + (step.type === 'say' ? step.text.length : 0), 0)

/** The carrier was told the words so far. */
export const said: Move = (state) => {
  const { flow } = state
  if (flow === null || flow.unsaid === flow.next) return unchanged(state)
  return having({ flow: { ...flow, unsaid: flow.next } })(state)
}
