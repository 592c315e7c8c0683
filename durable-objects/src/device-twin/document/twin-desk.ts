import type { Twin, TwinChange } from '@menagerie/contracts'
import {
  err,
  type JsonObject,
  type ListPage,
  ok,
  type Principal,
  type Result,
} from '@menagerie/core'
import type { Decision, Journal } from '../../journal/index.ts'
import { fail } from '../../shared/journal-refusal.ts'
import type { DeviceState, Happening } from '../device-state.ts'
import { invalidPatch } from '../twin-errors.ts'
import { inputOf } from '../twin-input.ts'
import type {
  DeviceTwinError,
  PatchCommand,
  TwinContext,
  TwinHistoryCommand,
} from '../twin-types.ts'
import { patchDesired } from './desired.ts'
import { patchFault, toTwin } from './twin-document.ts'
import type { HistoryPosition, TwinHistory } from './twin-history.ts'

/** What a patch led to, kept for its repeats: the twin only where a key makes repeats possible. */
type PatchOutcome = Result<{ twin: Twin | null; seq: number }, DeviceTwinError>

/** A patch that was made: the twin as it then stood, and the number of its event. */
export interface Patched {
  twin: Twin
  seq: number
  replayed: boolean
}

export interface TwinDeskHost {
  journal: () => Pick<Journal<DeviceState>, 'apply' | 'head'>
  history: TwinHistory
  decide: <T>(
    state: DeviceState,
    happenings: readonly Happening[],
    context: TwinContext,
    outcome: T,
  ) => Decision<DeviceState, T>
  /** The device, for who may see it. */
  visible: (principal: Principal) => Result<DeviceState, DeviceTwinError>
  /** The device, for who may change it. */
  writable: (principal: Principal) => Result<DeviceState, DeviceTwinError>
}

/** What people do to the document of a device. */
export class TwinDesk {
  readonly #host: TwinDeskHost

  constructor(host: TwinDeskHost) {
    this.#host = host
  }

  get(principal: Principal): Result<Twin, DeviceTwinError> {
    const device = this.#host.visible(principal)
    return device.ok ? ok(toTwin(device.value.twin)) : device
  }

  /** A page of changes, the newest first. */
  history(
    principal: Principal,
    { section, from, to, limit, before }: TwinHistoryCommand,
  ): Result<ListPage<TwinChange, HistoryPosition>, DeviceTwinError> {
    const device = this.#host.visible(principal)
    if (!device.ok) return device
    const filter = { section, from: timeOf(from), to: timeOf(to) }
    return ok(this.#host.history.page(filter, limit, before))
  }

  /** Merges into `desired` (RFC 7396); a patch that changes nothing keeps its version. */
  patch(
    principal: Principal,
    source: 'http' | 'socket',
    { key, patch, ifMatch }: PatchCommand,
    context: TwinContext,
  ): Result<Patched, DeviceTwinError> {
    const { writable, decide, history } = this.#host
    const journal = this.#host.journal()
    const device = writable(principal)
    if (!device.ok) return device
    let fresh: Twin | undefined
    const body = { type: 'patch', ifMatch, ...patch } as unknown as JsonObject
    // Before the journal: what has no canonical form cannot be told from another body.
    const fault = patchFault(patch.desired as JsonObject)
    if (fault !== undefined) return err(invalidPatch(fault))
    const applied = journal.apply<PatchOutcome>(
      inputOf(principal.id, source, key, body, context),
      (before, now) => {
        const patched = patchDesired(before, patch, ifMatch, principal.id, now)
        const { state, happenings, rows, answer } = patched
        const seq = (journal.head()?.seq ?? 0) + happenings.length
        if (answer.ok) fresh = answer.value
        const outcome = answer.ok ? ok({ twin: key === null ? null : answer.value, seq }) : answer
        const decision = decide<PatchOutcome>(state, happenings, context, outcome)
        return { ...decision, save: () => history.save(rows) }
      },
    )
    if (!applied.ok) return fail(applied.error)
    const { outcome, replayed } = applied.value
    if (!outcome.ok) return outcome
    const twin = outcome.value.twin ?? fresh
    if (twin === undefined) throw new Error('A repeated patch has its twin')
    return ok({ twin, seq: outcome.value.seq, replayed })
  }
}

const timeOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time)
