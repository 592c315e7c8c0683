import { err, newId, ok, type Principal, type Result } from '@menagerie/core'
import type { FiredTimer, Journal, JournalStorage } from '../journal/index.ts'
import { CommandDesk } from './commands/command-desk.ts'
import { CommandStore } from './commands/command-store.ts'
import { COMMANDS_TIMER } from './commands/command-turn.ts'
import { decisionOf } from './decision.ts'
import type { DeviceState } from './device-state.ts'
import { TwinDesk } from './document/twin-desk.ts'
import { TwinHistory } from './document/twin-history.ts'
import type { IntakeHost } from './intake/intake.ts'
import { Ledger } from './intake/ledger.ts'
import { ACTIVITY_TIMER } from './registry/activity.ts'
import { DeviceRegistry } from './registry/device-registry.ts'
import { DeviceRules } from './rules/device-rules.ts'
import { RULES_TIMER } from './rules/rule-timer.ts'
import { HOURS_TIMER } from './telemetry/hour-roll.ts'
import { TelemetryStore } from './telemetry/telemetry-store.ts'
import type { TwinHost } from './twin-host.ts'
import type { TwinLog } from './twin-log.ts'
import type { DeviceTwinError } from './twin-types.ts'
import { maySee, mayWrite } from './visibility.ts'

/** What the parts are given by the object that holds them. */
export interface PartsHost {
  journal: () => Journal<DeviceState>
  exec: JournalStorage['exec']
  transaction: <T>(work: () => T) => T
  now: () => number
  log: TwinLog
}

/** The parts of a twin, each with its own rules and tables, and who may see them. */
export class TwinParts {
  readonly telemetry: TelemetryStore
  readonly ledger: Ledger
  readonly intake: IntakeHost
  readonly commands: CommandDesk
  readonly document: TwinDesk
  readonly registry: DeviceRegistry
  readonly rules: DeviceRules
  readonly #journal: PartsHost['journal']
  readonly #ringers: Readonly<Record<string, (timer: FiredTimer) => void>>

  constructor({ journal, exec, transaction, now, log }: PartsHost) {
    this.#journal = journal
    this.telemetry = new TelemetryStore(exec)
    this.ledger = new Ledger(exec)
    const history = new TwinHistory(exec)
    const commands = new CommandStore(exec)
    this.intake = {
      storage: { transaction },
      journal: journal(),
      telemetry: this.telemetry,
      ledger: this.ledger,
      history,
      commands,
      now,
      newId,
    }
    const host: TwinHost = {
      journal,
      exec,
      now,
      contact: () => this.ledger.contact,
      visible: (principal) => this.seen(principal, (state) => state),
      writable: (principal) => this.writable(principal),
      clear: () => {
        this.telemetry.clear()
        commands.clear()
        history.clear()
        this.ledger.clear()
      },
    }
    this.registry = new DeviceRegistry(host)
    this.rules = new DeviceRules(host, this.telemetry)
    this.document = new TwinDesk({
      journal,
      history,
      decide: (state, happenings, { traceparent }, outcome) =>
        decisionOf(state, happenings, outcome, () => {
          const { link, seenAt } = this.ledger.contact
          return { link, lastSeenAt: seenAt, traceparent }
        }),
      visible: host.visible,
      writable: host.writable,
    })
    this.commands = new CommandDesk(host, commands, log)
    this.#ringers = {
      [ACTIVITY_TIMER]: (timer) => this.registry.ring(timer),
      [COMMANDS_TIMER]: (timer) => this.commands.ring(timer),
      [HOURS_TIMER]: (timer) => this.telemetry.hourRoll.ring(host, timer),
      [RULES_TIMER]: (timer) => this.rules.ring(timer),
    }
  }

  ring(timer: FiredTimer): void {
    this.#ringers[timer.name]?.(timer)
  }

  /** The state, for who may see it; nothing once the device was removed. */
  visible(principal: Principal): DeviceState | undefined {
    const { state } = this.#journal()
    if (state === undefined || state.deletedAt !== undefined) return undefined
    return maySee(principal, state) ? state : undefined
  }

  seen<T>(principal: Principal, show: (state: DeviceState) => T): Result<T, DeviceTwinError> {
    const state = this.visible(principal)
    return state === undefined ? err({ code: 'not_found' }) : ok(show(state))
  }

  /** `not_found` where the principal may not even see the device, else `forbidden`. */
  writable(principal: Principal): Result<DeviceState, DeviceTwinError> {
    const state = this.visible(principal)
    if (state === undefined) return err({ code: 'not_found' })
    return mayWrite(principal, state) ? ok(state) : err({ code: 'forbidden' })
  }
}
