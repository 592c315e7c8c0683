import type { RuleState, ThresholdRule } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Principal, type Result } from '@menagerie/core'
import { rangLate, timerInput } from '../../journal/timers.ts'
import type { FiredTimer } from '../../journal/types.ts'
import { fail } from '../../shared/journal-refusal.ts'
import { decisionOf } from '../decision.ts'
import { jsonFault } from '../json-limits.ts'
import type { TelemetryStore } from '../telemetry/telemetry-store.ts'
import type { TwinHost } from '../twin-host.ts'
import { inputOf } from '../twin-input.ts'
import type { DeviceTwinError, TwinContext } from '../twin-types.ts'
import { ruleHappening } from './rule-edges.ts'
import { RULES_TIMER, ruleTimers } from './rule-timer.ts'
import { fireDue, nextFiring, putOff, replaceRules, toRuleState } from './threshold.ts'

const MAX_BODY_DEPTH = 8

/** The rules of a device: put in place by people, fired by time where no sample does it. */
export class DeviceRules {
  readonly #host: TwinHost
  readonly #telemetry: Pick<TelemetryStore, 'latest'>

  constructor(host: TwinHost, telemetry: Pick<TelemetryStore, 'latest'>) {
    this.#host = host
    this.#telemetry = telemetry
  }

  /** Puts rules in the place of all others; one that stays as it was keeps how it stands. */
  put(
    principal: Principal,
    rules: ThresholdRule[],
    context: TwinContext,
  ): Result<RuleState[], DeviceTwinError> {
    const writable = this.#host.writable(principal)
    if (!writable.ok) return writable
    const data = { rules } as unknown as JsonObject
    const asked: JsonObject = { type: 'rules', ...data }
    if (jsonFault(asked, MAX_BODY_DEPTH) !== undefined)
      return err({
        code: 'validation_failed',
        pointer: '/rules',
        detail: 'Names and texts must be well-formed Unicode',
      })
    const { journal } = this.#host
    const applied = journal().apply<null>(
      inputOf(principal.id, 'http', null, asked, context),
      (state) => {
        const next = { ...state, rules: replaceRules(state.rules, rules) }
        const timers = ruleTimers(state.rules, next.rules)
        const put = { type: 'device.rules', data } as const
        return decisionOf(next, [put], null, () => this.#send(context), undefined, timers)
      },
    )
    if (!applied.ok) return fail(applied.error)
    return ok((journal().state?.rules ?? []).map(toRuleState))
  }

  /** A duration may have passed. */
  ring(timer: FiredTimer): void {
    const latest = ({ stream, field }: ThresholdRule) => {
      const values = this.#telemetry.latest(stream)[stream]?.values ?? {}
      const value = Object.hasOwn(values, field) ? values[field] : undefined
      return typeof value === 'number' ? value : undefined
    }
    this.#host.journal().apply<null>(timerInput(timer), (state, now) => {
      const { rules, edges } = rangLate(timer.at, now)
        ? { rules: putOff(state.rules, now), edges: [] }
        : fireDue(state.rules, now, latest)
      // What fired was taken from the table of timers with this input: the next one is set whatever it was before.
      const due = nextFiring(rules)
      const timers =
        due === undefined ? [] : [{ type: 'timer.set', name: RULES_TIMER, at: due } as const]
      const send = () => this.#send({})
      const happenings = edges.map(ruleHappening)
      return decisionOf({ ...state, rules }, happenings, null, send, undefined, timers)
    })
  }

  #send({ traceparent }: TwinContext) {
    const { link, seenAt } = this.#host.contact()
    return { link, lastSeenAt: seenAt, traceparent }
  }
}
