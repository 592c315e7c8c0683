import type { TimerChange } from '../../journal/index.ts'
import type { Happening } from '../device-state.ts'
import { commandHappening } from './command-messages.ts'
import { type CommandRecord, cancelCommand, dueAt, hasEnded } from './command-state.ts'
import type { CommandStore } from './command-store.ts'

/** The one timer of all commands of a device. */
export const COMMANDS_TIMER = 'commands'

/** The commands of a device while one input is decided: what stands, with what changes on top. Writes nothing. */
export class CommandTurn {
  readonly #store: Pick<CommandStore, 'find' | 'open'>
  readonly #changed = new Map<string, CommandRecord>()
  #rung = false

  constructor(store: Pick<CommandStore, 'find' | 'open'>) {
    this.#store = store
  }

  find(id: string): CommandRecord | undefined {
    return this.#changed.get(id) ?? this.#store.find(id)
  }

  /** Those that have not ended, in the order of creation. */
  open(): CommandRecord[] {
    const stored = this.#store.open()
    const known = new Set(stored.map(({ id }) => id))
    const made = [...this.#changed.values()].filter(({ id }) => !known.has(id))
    return [...stored.map((command) => this.#changed.get(command.id) ?? command), ...made].filter(
      (command) => !hasEnded(command),
    )
  }

  /** Puts a command in the place of what it was; what changes nothing has nothing to tell. */
  put(deviceId: string, before: CommandRecord | undefined, after: CommandRecord): Happening[] {
    if (after === before) return []
    this.#changed.set(after.id, after)
    return [commandHappening(deviceId, before, after)]
  }

  /** To be saved with what happened. */
  get changed(): Iterable<CommandRecord> {
    return this.#changed.values()
  }

  /** The device is being removed: whatever is open ends. */
  endAll(deviceId: string, now: number): Happening[] {
    return this.open().flatMap((command) =>
      this.put(deviceId, command, cancelCommand(command, now, 'device_removed')),
    )
  }

  /** The timer has rung and is gone. */
  rang(): void {
    this.#rung = true
  }

  /** The timer as it must stand after the changes; nothing where there are none. */
  timers(): TimerChange[] {
    if (this.#changed.size === 0 && !this.#rung) return []
    const dues = this.open().flatMap((command) => dueAt(command) ?? [])
    if (dues.length === 0) return [{ type: 'timer.cancel', name: COMMANDS_TIMER }]
    return [{ type: 'timer.set', name: COMMANDS_TIMER, at: Math.min(...dues) }]
  }
}
