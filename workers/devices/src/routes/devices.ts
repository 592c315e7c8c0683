import type { OpenAPIHono } from '@hono/zod-openapi'
import type { CreateDeviceRequest } from '@menagerie/contracts'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  clockOf,
  data,
  guardRoutes,
  idFromKey,
  newId,
  type Principal,
  principalOf,
  readIdempotencyKey,
  signedList,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { revokeCredentials } from '../credentials.ts'
import { type DevicePosition, listDevices } from '../db/devices.ts'
import { claimKey } from '../db/idempotency-keys.ts'
import { inTurn } from '../in-turn.ts'
import { contextOf, idempotencyMismatch, orThrow, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/** Registering devices and looking at them. */
export function deviceRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.create), async (c) => {
    const principal = principalOf(c)
    const request = c.req.valid('json')
    const ownerId = ownerOf(principal, request)
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const keyId =
      key === null ? undefined : await idFromKey(principal.id, `POST ${routes.create.path}`, key)
    const id = request.id ?? keyId ?? newId()
    if (keyId !== undefined) {
      // A device may bring its own id, so the key alone does not lead to the same object: it is kept which one it led to.
      const claim = await claimKey(c.env.DB, keyId, id, 'done', newId(), clockOf(c.env).now())
      if (claim.state === 'mismatch') throw idempotencyMismatch()
    }
    const { name = id, metadata = {}, tags = [], inactivityTimeoutSeconds = null } = request
    const settings = { name, ownerId, metadata, tags, inactivityTimeoutSeconds }
    const command = { id, key, ...settings }
    const { device, replayed } = orThrow(
      await twinOf(c.env, id).create(principal, command, contextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, device), 201)
  })

  app.openapi(guarded(routes.list), async (c) => {
    const principal = principalOf(c)
    const { limit, cursor, ownerId: asked, ...filters } = c.req.valid('query')
    const ownerId = ownerToList(principal, asked)
    const key = settingsOf(c.env).CURSOR_KEY
    const list = signedList<DevicePosition>(c, key, 'devices', [ownerId ?? null, filters])
    const found = await listDevices(c.env.DB, ownerId, filters, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(routes.get), async (c) => {
    const { id } = c.req.valid('param')
    return c.json(data(c, orThrow(await twinOf(c.env, id).get(principalOf(c)))), 200)
  })

  app.openapi(guarded(routes.update), async (c) => {
    const { id } = c.req.valid('param')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const command = { key, patch: c.req.valid('json') }
    const { device, replayed } = orThrow(
      await twinOf(c.env, id).update(principalOf(c), command, contextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, device), 200)
  })

  app.openapi(guarded(routes.remove), async (c) => {
    const principal = principalOf(c)
    const { id } = c.req.valid('param')
    const twin = twinOf(c.env, id)
    orThrow(await twin.mayWrite(principal))
    // The broker first: a crash between leaves a device without access, which a repeat removes, and never access
    // without a device. In one turn: no credentials are issued meanwhile.
    await inTurn(c.env, id, async () => {
      await revokeCredentials(c.env, id)
      orThrow(await twin.remove(principal, contextOf(c)))
    })
    return c.body(null, 204)
  })
}

/** Whose devices are listed: one's own, or anybody's for who may read everybody's. */
function ownerToList(principal: Principal, asked: string | undefined): string | undefined {
  if (principal.permissions.includes('devices:read')) return asked
  if (asked === undefined || asked === principal.id) return principal.id
  // Nothing is told of another account by that: it is the same for every id.
  throw new AppError('forbidden', 'Devices of another account need the permission devices:read')
}

/** Whose device it becomes: the caller's, or another account's for who may write everybody's. */
function ownerOf(principal: Principal, { ownerId }: CreateDeviceRequest): string {
  if (principal.kind !== 'user') throw new AppError('forbidden', 'Only people register devices')
  if (ownerId === undefined || ownerId === principal.id) return principal.id
  if (principal.permissions.includes('devices:write')) return ownerId
  // Nothing is told of another account by that: it is the same for every id.
  throw new AppError('forbidden', 'A device of another account needs the permission devices:write')
}
