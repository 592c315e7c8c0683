import { MAX_OPEN_COMMANDS } from '@menagerie/contracts'
import { AppError, type Result, toTraceparent } from '@menagerie/core'
import type { BridgeLinkApi } from '@menagerie/durable-objects/bridge-link'
import type {
  DeviceTwinApi,
  DeviceTwinError,
  TwinContext,
} from '@menagerie/durable-objects/device-twin'
import type { Context } from 'hono'
import type { App, Env } from './context.ts'

/** The twin of a device. Asked before the device was registered, it answers `not_found`. */
export const twinOf = (env: Env, deviceId: string) =>
  env.DEVICE_TWIN.getByName(deviceId) as DurableObjectStub & DeviceTwinApi

/** The link to a broker's bridge. */
export const linkOf = (env: Env, name: string) =>
  env.BRIDGE_LINK.getByName(name) as DurableObjectStub & BridgeLinkApi

/** What a twin's journal and log keep of the request. */
export const contextOf = (c: Context<App>): TwinContext => ({
  requestId: c.get('requestId'),
  traceparent: toTraceparent(c.get('trace')),
})

/** A twin's refusal, as the problem that a client sees. */
export function toAppError(error: DeviceTwinError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', 'There is no such device')
    case 'forbidden':
      return new AppError('forbidden', 'This needs the permission devices:write')
    case 'conflict':
      return new AppError('conflict', 'The id is taken; choose another one')
    case 'version_conflict':
      return new AppError(
        'version_conflict',
        `The twin is at version ${error.version}; read it and make the change again`,
      )
    case 'precondition_failed':
      return new AppError(
        'precondition_failed',
        `The twin is at version ${error.version}, which If-Match does not name`,
        { headers: { etag: etagOf(error.version) } },
      )
    case 'idempotency_mismatch':
      return idempotencyMismatch()
    case 'payload_too_large':
      return new AppError('payload_too_large', 'The device cannot hold that much')
    case 'validation_failed':
      return new AppError('validation_failed', 'The request has fields that are not valid', {
        errors: [{ pointer: error.pointer, code: 'invalid', detail: error.detail }],
      })
    case 'command_not_found':
      return new AppError('not_found', 'The device has no such command')
    case 'command_ended':
      return new AppError('conflict', 'The command has ended; there is nothing to cancel')
    case 'too_many_requests':
      return new AppError(
        'too_many_requests',
        `At most ${MAX_OPEN_COMMANDS} commands of a device may be under way`,
        { retryAfterSeconds: error.retryAfterSeconds },
      )
    case 'overloaded':
    case 'storage_full':
      return new AppError(error.code, 'The device cannot be served now', {
        retryAfterSeconds: error.retryAfterSeconds,
      })
  }
}

export const idempotencyMismatch = (): AppError =>
  new AppError(
    'idempotency_mismatch',
    'The Idempotency-Key was used for another request; use a new one',
  )

/** A version of a twin as an entity tag (RFC 9110 §8.8.3). */
export const etagOf = (version: number): string => `"${version}"`

/** The value of a twin's answer. @throws AppError for a refusal */
export function orThrow<T>(result: Result<T, DeviceTwinError>): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}
