import { type CommandError, type CommandState, finalCommandStates } from '@menagerie/contracts'
import type { JsonObject, JsonValue } from '@menagerie/core'
import { sameJson } from '../json-limits.ts'

/** A command as its twin keeps it. Times in milliseconds since the epoch. */
export interface CommandRecord {
  id: string
  name: string
  payload: JsonObject
  state: CommandState
  progress: JsonValue
  result: JsonValue
  error: CommandError | null
  timeoutSeconds: number
  atMostOnce: boolean
  /** How often it was handed to the link. */
  attempts: number
  createdAt: number
  expiresAt: number
  sentAt: number | null
  deliveredAt: number | null
  finishedAt: number | null
}

/** What somebody asks a device to do. */
export interface NewCommand {
  id: string
  name: string
  payload: JsonObject
  timeoutSeconds: number
  /** 0 for now or never. */
  ttlSeconds: number
  atMostOnce: boolean
}

/** What a device says to a command. */
export type CommandAnswer =
  | { type: 'ack'; refused: CommandError | null }
  | { type: 'progress'; progress: JsonValue }
  /** `failed` is `null` where the device succeeded. */
  | { type: 'result'; result: JsonValue; failed: CommandError | null }

type Final = 'SUCCESSFUL' | 'FAILED' | 'TIMEOUT' | 'EXPIRED'

/** Whether it has its one end. */
export const hasEnded = ({ state }: Pick<CommandRecord, 'state'>): boolean =>
  finalCommandStates.has(state)

/**
 * A command at its beginning: `SENT` where the device can be reached, `QUEUED` where it may wait, else `EXPIRED`.
 *
 * @param reachable false for a device that is known to be away
 */
export function beginCommand(asked: NewCommand, reachable: boolean, now: number): CommandRecord {
  const { ttlSeconds, ...kept } = asked
  const queued: CommandRecord = {
    ...kept,
    state: 'QUEUED',
    progress: null,
    result: null,
    error: null,
    attempts: 0,
    createdAt: now,
    expiresAt: now + ttlSeconds * 1000,
    sentAt: null,
    deliveredAt: null,
    finishedAt: null,
  }
  return reachable ? hand(queued, now) : passTime(queued, now)
}

/** When time ends a command as it stands; `undefined` once it has ended. Milliseconds since the epoch. */
export function dueAt(command: CommandRecord): number | undefined {
  switch (command.state) {
    case 'QUEUED':
      return command.expiresAt
    case 'SENT':
    case 'DELIVERED':
      return (command.sentAt ?? command.createdAt) + command.timeoutSeconds * 1000
    case 'SUCCESSFUL':
    case 'FAILED':
    case 'TIMEOUT':
    case 'EXPIRED':
      return undefined
  }
}

/**
 * What time makes of a command. The clock decides and not the timer, which may ring late: each of the functions below
 * looks here first.
 */
export function passTime(command: CommandRecord, now: number): CommandRecord {
  const due = dueAt(command)
  if (due === undefined || now < due) return command
  return end(command, command.state === 'QUEUED' ? 'EXPIRED' : 'TIMEOUT', now)
}

/**
 * The device has come online: what waits is sent, and what it never confirmed is sent again under the same id, unless
 * that was to happen once at most. The timeout runs on.
 */
export function deviceCame(command: CommandRecord, now: number): CommandRecord {
  const current = passTime(command, now)
  if (current.state === 'QUEUED') return hand(current, now)
  if (current.state === 'SENT' && !current.atMostOnce) return hand(current, now)
  return current
}

/**
 * What an answer of the device makes of a command. The same one comes back for an answer that is late or repeated.
 * Progress proves that the command arrived, also where its acknowledgement is late or missing; so does a result.
 */
export function deviceAnswered(
  command: CommandRecord,
  answer: CommandAnswer,
  now: number,
): CommandRecord {
  const current = passTime(command, now)
  // Nobody can answer what was never sent; whoever calls tells the device so.
  if (hasEnded(current) || current.state === 'QUEUED') return current
  switch (answer.type) {
    case 'ack':
      if (answer.refused !== null) return end(current, 'FAILED', now, answer.refused)
      return arrived(current, now)
    case 'progress':
      if (current.state === 'DELIVERED' && sameJson(current.progress, answer.progress))
        return current
      return { ...arrived(current, now), progress: answer.progress }
    case 'result': {
      const told = { ...arrived(current, now), result: answer.result }
      return answer.failed === null
        ? end(told, 'SUCCESSFUL', now)
        : end(told, 'FAILED', now, answer.failed)
    }
  }
}

/**
 * Somebody gives a command up; one that has ended stays as it is.
 *
 * @param code why
 */
export function cancelCommand(
  command: CommandRecord,
  now: number,
  code: 'canceled' | 'device_removed' = 'canceled',
): CommandRecord {
  const current = passTime(command, now)
  return hasEnded(current) ? current : end(current, 'FAILED', now, { code, message: null })
}

const hand = (command: CommandRecord, now: number): CommandRecord => ({
  ...command,
  state: 'SENT',
  attempts: command.attempts + 1,
  sentAt: command.sentAt ?? now,
})

const arrived = (command: CommandRecord, now: number): CommandRecord =>
  command.state === 'SENT' ? { ...command, state: 'DELIVERED', deliveredAt: now } : command

const end = (
  command: CommandRecord,
  state: Final,
  now: number,
  error: CommandError | null = null,
): CommandRecord => ({ ...command, state, error, finishedAt: now })
