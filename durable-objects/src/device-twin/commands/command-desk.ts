import { type Command, MAX_OPEN_COMMANDS } from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Principal, type Result } from '@menagerie/core'
import {
  type FiredTimer,
  type Journal,
  type JournalInput,
  timerInput,
} from '../../journal/index.ts'
import { findInput, inputKey } from '../../journal/inputs.ts'
import { fail } from '../../shared/journal-refusal.ts'
import { decisionOf } from '../decision.ts'
import type { DeviceState, Happening } from '../device-state.ts'
import type { TwinHost } from '../twin-host.ts'
import { inputOf } from '../twin-input.ts'
import type { TwinLog } from '../twin-log.ts'
import type {
  CancelCommand,
  CommandPage,
  CommandsQuery,
  DeviceTwinError,
  SendCommand,
  TwinContext,
} from '../twin-types.ts'
import { toCommand } from './command-messages.ts'
import {
  beginCommand,
  type CommandRecord,
  cancelCommand,
  dueAt,
  hasEnded,
  passTime,
} from './command-state.ts'
import type { CommandStore } from './command-store.ts'
import { CommandTurn } from './command-turn.ts'
import { payloadFault } from './payload-fault.ts'

const LONGEST_RETRY_SECONDS = 60

/** What the commands ask of their twin. */
export type CommandHost = Pick<TwinHost, 'exec' | 'now' | 'contact' | 'visible' | 'writable'> & {
  journal: () => Pick<Journal<DeviceState>, 'state' | 'apply'>
}

/** A write to a command: the command as it stood then, and the number of its event. */
export interface Commanded {
  command: Command
  seq: number
  replayed: boolean
}

/** What people and timers do to the commands of a device. */
export class CommandDesk {
  readonly #host: CommandHost
  readonly #store: CommandStore
  readonly #log: Pick<TwinLog, 'end'>

  constructor(host: CommandHost, store: CommandStore, log: Pick<TwinLog, 'end'>) {
    this.#host = host
    this.#store = store
    this.#log = log
  }

  /** Sends a command, or has it wait for a device that is away. */
  send(
    principal: Principal,
    source: 'http' | 'socket',
    { key, request }: SendCommand,
    context: TwinContext,
  ): Result<Commanded, DeviceTwinError> {
    const device = this.#host.writable(principal)
    if (!device.ok) return device
    const wrong = payloadFault(request.payload)
    if (wrong !== undefined) return err(wrong)
    const asked = { type: 'command', ...request } as unknown as JsonObject
    const input = inputOf(principal.id, source, key, asked, context)
    const full = this.#isKnown(input) ? undefined : this.#fullness()
    if (full !== undefined) return err(full)
    return this.#write(input, key !== null, context, (_, { presence }, now) => {
      const payload = request.payload as JsonObject
      const reachable = presence.state !== 'offline'
      return [undefined, beginCommand({ ...request, id: newId(), payload }, reachable, now)]
    })
  }

  /** Gives a command up, unless it has ended. */
  cancel(
    principal: Principal,
    { key, commandId }: CancelCommand,
    context: TwinContext,
  ): Result<Commanded, DeviceTwinError> {
    const { writable, now } = this.#host
    const device = writable(principal)
    if (!device.ok) return device
    const asked = { type: 'command.cancel', commandId }
    const input = inputOf(principal.id, 'http', key, asked, context)
    if (!this.#isKnown(input)) {
      const command = this.#store.find(commandId)
      if (command === undefined) return err({ code: 'command_not_found' })
      if (hasEnded(passTime(command, now()))) return err({ code: 'command_ended' })
    }
    return this.#write(input, key !== null, context, (turn, _, at) => {
      const before = turn.find(commandId)
      if (before === undefined) throw new Error('The command was there a moment ago')
      return [before, cancelCommand(before, at)]
    })
  }

  get(principal: Principal, commandId: string): Result<Command, DeviceTwinError> {
    const device = this.#host.visible(principal)
    if (!device.ok) return device
    const command = this.#store.find(commandId)
    if (command === undefined) return err({ code: 'command_not_found' })
    return ok(toCommand(device.value.details.id, command))
  }

  /** The newest first. */
  list(
    principal: Principal,
    { state, limit, before }: CommandsQuery,
  ): Result<CommandPage, DeviceTwinError> {
    const device = this.#host.visible(principal)
    if (!device.ok) return device
    const found = this.#store.list(state, before, limit + 1)
    const last = found.length > limit ? found[limit - 1] : undefined
    const { id } = device.value.details
    return ok({
      items: found.slice(0, limit).map(({ command }) => toCommand(id, command)),
      ...(last === undefined ? {} : { next: last.n }),
    })
  }

  /** Time has come for a command: ends all that are due. */
  ring(timer: FiredTimer): void {
    this.#host.journal().apply<null>(timerInput(timer), (state, now) => {
      const turn = new CommandTurn(this.#store)
      turn.rang()
      const happenings = turn
        .open()
        .flatMap((command) => turn.put(state.details.id, command, passTime(command, now)))
      return this.#decide(state, happenings, {}, null, turn)
    })
  }

  /** Whether the same was asked before: then its answer is due again, whatever stands now. */
  #isKnown(input: JournalInput): boolean {
    return findInput(this.#host.exec, inputKey(input)) !== undefined
  }

  #fullness(): DeviceTwinError | undefined {
    const now = this.#host.now()
    const open = this.#store.open().filter((command) => !hasEnded(passTime(command, now)))
    if (open.length < MAX_OPEN_COMMANDS) return undefined
    const soonest = Math.min(...open.flatMap((command) => dueAt(command) ?? []))
    const seconds = Math.ceil((soonest - now) / 1000)
    const retryAfterSeconds = Math.min(Math.max(1, seconds), LONGEST_RETRY_SECONDS)
    return { code: 'too_many_requests', retryAfterSeconds }
  }

  /** @param isKeyed whether it may be asked again, so that its answer must be kept */
  #write(
    input: JournalInput,
    isKeyed: boolean,
    context: TwinContext,
    change: (
      turn: CommandTurn,
      state: DeviceState,
      now: number,
    ) => [CommandRecord | undefined, CommandRecord],
  ): Result<Commanded, DeviceTwinError> {
    let fresh: Command | undefined
    const applied = this.#host.journal().apply<Command | null>(input, (state, now) => {
      const turn = new CommandTurn(this.#store)
      const { id } = state.details
      const [before, after] = change(turn, state, now)
      const happenings = turn.put(id, before, after)
      fresh = toCommand(id, after)
      return this.#decide(state, happenings, context, isKeyed ? fresh : null, turn)
    })
    this.#log.end('device.command', applied.ok, {
      user: input.actor,
      command: fresh?.id,
      state: fresh?.state,
      ...context,
    })
    if (!applied.ok) return fail(applied.error)
    const { outcome, lastSeq, replayed } = applied.value
    const command = outcome ?? fresh
    if (command === undefined) throw new Error('A repeated command has its answer')
    return ok({ command, seq: lastSeq, replayed })
  }

  #decide<T>(
    state: DeviceState,
    happenings: readonly Happening[],
    { traceparent }: TwinContext,
    outcome: T,
    turn: CommandTurn,
  ) {
    const { link, seenAt } = this.#host.contact()
    const send = () => ({ link, lastSeenAt: seenAt, traceparent })
    const save = () => this.#store.save(turn.changed)
    return decisionOf(state, happenings, outcome, send, save, turn.timers())
  }
}
