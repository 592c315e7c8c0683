import { closeCodes, type Device, type PatchDeviceRequest } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Principal, type Result } from '@menagerie/core'
import { findInput, inputKey } from '../../journal/inputs.ts'
import { timerInput } from '../../journal/timers.ts'
import type { FiredTimer, JournalInput, TimerChange } from '../../journal/types.ts'
import { fail } from '../../shared/journal-refusal.ts'
import { CommandStore } from '../commands/command-store.ts'
import { COMMANDS_TIMER, CommandTurn } from '../commands/command-turn.ts'
import { decisionOf } from '../decision.ts'
import { type DeviceState, type Happening, toDevice } from '../device-state.ts'
import { emptyTwin } from '../document/twin-document.ts'
import { jsonFault } from '../json-limits.ts'
import { cutOff, unknownPresence } from '../presence/presence-rule.ts'
import { RULES_TIMER } from '../rules/rule-timer.ts'
import { HOURS_TIMER } from '../telemetry/hour-roll.ts'
import type { TwinHost } from '../twin-host.ts'
import { inputOf } from '../twin-input.ts'
import type { CreateCommand, DeviceTwinError, TwinContext } from '../twin-types.ts'
import { mayCreate, maySee } from '../visibility.ts'
import { ACTIVITY_TIMER, type ActivityStep, changeTimeout, ringActivity } from './activity.ts'
import { claimDevice, offerClaim } from './claim.ts'
import { patchDetails } from './patch-details.ts'

const MAX_BODY_DEPTH = 8
const notText: DeviceTwinError = {
  code: 'validation_failed',
  pointer: '',
  detail: 'Names and texts must be well-formed Unicode',
}

/** What a device is listed by: its details, whose it is, whether it is heard of, and its end. */
export class DeviceRegistry {
  readonly #host: TwinHost

  constructor(host: TwinHost) {
    this.#host = host
  }

  /** Makes the device; the same key gets the same answer, another call for a taken id `conflict`. */
  create(
    principal: Principal,
    command: CreateCommand,
    context: TwinContext,
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const { id, key, name, ownerId, metadata, tags = [], inactivityTimeoutSeconds = null } = command
    if (!mayCreate(principal, ownerId)) return err({ code: 'forbidden' })
    const settings = { name, ownerId, metadata, tags, inactivityTimeoutSeconds }
    const body = { type: 'create', id, ...settings }
    if (jsonFault(body, MAX_BODY_DEPTH) !== undefined) return err(notText)
    const input = inputOf(principal.id, 'http', key, body, context)
    const journal = this.#host.journal()
    const existed = journal.exists
    const created = journal.create<Device>(id, input, (now) => {
      const details = { id, ...settings, createdAt: now }
      const state: DeviceState = {
        details,
        twin: emptyTwin,
        presence: unknownPresence,
        active: true,
        rules: [],
      }
      const made: Happening = { type: 'device.created', data: details }
      return this.#decision(state, [made], context, [])
    })
    // The key of a device that was removed leads to nothing that is there.
    if (journal.state?.deletedAt !== undefined) return err({ code: 'conflict' })
    if (created.ok) return ok({ device: created.value.outcome, replayed: created.value.replayed })
    if (created.error.code !== 'idempotency_mismatch') return fail(created.error)
    const known = existed && findInput(this.#host.exec, inputKey(input)) !== undefined
    return err({ code: known ? 'idempotency_mismatch' : 'conflict' })
  }

  /** Changes what is named; what changes nothing is not journalled. */
  update(
    principal: Principal,
    { key, patch }: { key: string | null; patch: PatchDeviceRequest },
    context: TwinContext,
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const writable = this.#host.writable(principal)
    if (!writable.ok) return writable
    const body = { type: 'update', patch } as unknown as JsonObject
    if (jsonFault(body, MAX_BODY_DEPTH) !== undefined) return err(notText)
    return this.#apply(inputOf(principal.id, 'http', key, body, context), context, (state, now) => {
      const { state: patched, happenings } = patchDetails(state, patch)
      const { inactivityTimeoutSeconds } = state.details
      // What is set to what it was must not put the end of it off.
      if (patched.details.inactivityTimeoutSeconds === inactivityTimeoutSeconds)
        return { state: patched, happenings, timers: [] }
      const settled = changeTimeout(patched, this.#host.contact().seenAt, now)
      return { ...settled, happenings: [...happenings, ...settled.happenings] }
    })
  }

  /** Ends the device for good. Its name is never free again; what it measured is deleted with it. */
  remove(principal: Principal, context: TwinContext): Result<null, DeviceTwinError> {
    const writable = this.#host.writable(principal)
    if (!writable.ok) return writable
    const removed = this.#apply(
      inputOf(principal.id, 'http', null, { type: 'remove' }, context),
      context,
      ({ claim: _, ...state }, now) => ({
        state: { ...state, deletedAt: now },
        happenings: [
          // Each command has one end, also those whose device has gone.
          ...new CommandTurn(new CommandStore(this.#host.exec)).endAll(state.details.id, now),
          { type: 'device.deleted', data: { ownerId: state.details.ownerId } },
        ],
        timers: [ACTIVITY_TIMER, RULES_TIMER, HOURS_TIMER, COMMANDS_TIMER].map(
          (name): TimerChange => ({ type: 'timer.cancel', name }),
        ),
        save: () => this.#host.clear(),
      }),
    )
    return removed.ok ? ok(null) : removed
  }

  /** The broker has ended the device's connections with its credentials, and tells of no last will: it is offline. */
  cutOff(principal: Principal, context: TwinContext): Result<null, DeviceTwinError> {
    const writable = this.#host.writable(principal)
    if (!writable.ok) return writable
    const input = inputOf(principal.id, 'http', null, { type: 'cut-off' }, context)
    const cut = this.#apply(input, context, (state, now) => {
      const presence = cutOff(state.presence, now)
      if (presence === state.presence) return { state, happenings: [], timers: [] }
      const { state: told, session } = presence
      const data = { state: told, previousState: state.presence.state, session }
      return {
        state: { ...state, presence },
        happenings: [{ type: 'device.presence', data }],
        timers: [],
      }
    })
    return cut.ok ? ok(null) : cut
  }

  /** Keeps the hash of a code that another account may take the device over with; an earlier one ends. */
  offer(
    principal: Principal,
    claim: { hash: string; expiresAt: number },
    context: TwinContext,
  ): Result<null, DeviceTwinError> {
    const writable = this.#host.writable(principal)
    if (!writable.ok) return writable
    const body = { type: 'claim-code', ...claim }
    const offered = this.#apply(
      inputOf(principal.id, 'http', null, body, context),
      context,
      (state) => ({ state: offerClaim(state, claim), happenings: [], timers: [] }),
    )
    return offered.ok ? ok(null) : offered
  }

  /** Makes the device the principal's. The code is good once: of many at the same time, one gets it. */
  claim(
    principal: Principal,
    { key, hash }: { key: string | null; hash: string },
    context: TwinContext,
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const { state } = this.#host.journal()
    if (state === undefined || state.deletedAt !== undefined) return err({ code: 'not_found' })
    const input = inputOf(principal.id, 'http', key, { type: 'claim', hash }, context)
    const now = this.#host.now()
    const known = findInput(this.#host.exec, inputKey(input)) !== undefined
    if (!known && claimDevice(state, principal, hash, now) === undefined)
      return err({ code: 'not_found' })
    const claimed = this.#apply(input, context, (before, at) => {
      const step = claimDevice(before, principal, hash, at)
      return { ...(step ?? { state: before, happenings: [] }), timers: [] }
    })
    if (claimed.ok) this.closeBlind()
    return claimed
  }

  /** Closes the sockets of those who may not see the device, since it has another owner. */
  closeBlind(): void {
    const { state, sockets } = this.#host.journal()
    if (state === undefined) return
    sockets.closeWhere(
      (principal) => !maySee(principal, state),
      closeCodes.forbidden,
      'the device has another owner',
    )
  }

  /** The device may have been silent for too long. It looks, since messages do not move the timer. */
  ring(timer: FiredTimer): void {
    this.#apply(timerInput(timer), {}, (state, now) =>
      ringActivity(state, this.#host.contact().seenAt, timer.at, now),
    )
  }

  #apply(
    input: JournalInput,
    context: TwinContext,
    decide: (
      state: DeviceState,
      now: number,
    ) => Pick<ActivityStep, 'state' | 'happenings' | 'timers'> & { save?: () => void },
  ): Result<{ device: Device; replayed: boolean }, DeviceTwinError> {
    const applied = this.#host.journal().apply<Device>(input, (before, now) => {
      const { state, happenings, timers, save } = decide(before, now)
      return this.#decision(state, happenings, context, timers, save)
    })
    if (!applied.ok) return fail(applied.error)
    return ok({ device: applied.value.outcome, replayed: applied.value.replayed })
  }

  #decision(
    state: DeviceState,
    happenings: readonly Happening[],
    { traceparent }: TwinContext,
    timers: readonly TimerChange[],
    save?: () => void,
  ) {
    // Asked inside the transaction: before the first one there is no table to look into.
    const seenAt = () => (this.#host.journal().exists ? this.#host.contact().seenAt : null)
    const send = () => ({ ...this.#host.contact(), lastSeenAt: seenAt(), traceparent })
    return decisionOf(state, happenings, toDevice(state, seenAt()), send, save, timers)
  }
}
