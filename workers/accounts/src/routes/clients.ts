import type { OpenAPIHono } from '@hono/zod-openapi'
import { clients as routes } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf, signedList, toTraceparent } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../context.ts'
import { verifier } from '../deployment.ts'
import { toOAuthClient } from '../oauth/client-rows.ts'
import {
  type Change,
  createClient,
  listClients,
  readClient,
  removeClient,
  rotateSecret,
  updateClient,
  type WithSecret,
} from '../oauth/manage-clients.ts'

const guarded = guardRoutes(verifier)

/** Adds the registration of OAuth clients. */
export function clientRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.list), async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const list = signedList<[id: string]>(c, settingsOf(c.env).CURSOR_KEY, '/admin/clients')
    return c.json(await list.page(await listClients(c.env, limit, await list.after(cursor))), 200)
  })
  app.openapi(guarded(routes.create), async (c) => {
    const made = await createClient(c.env, c.req.valid('json'), changeOf(c))
    return c.json(data(c, shownOnce(c, made)), 201)
  })
  app.openapi(guarded(routes.get), async (c) => {
    const client = await readClient(c.env, c.req.valid('param').id)
    return c.json(data(c, toOAuthClient(client)), 200)
  })
  app.openapi(guarded(routes.update), async (c) => {
    const { id } = c.req.valid('param')
    const client = await updateClient(c.env, id, c.req.valid('json'), changeOf(c))
    return c.json(data(c, toOAuthClient(client)), 200)
  })
  app.openapi(guarded(routes.rotateSecret), async (c) => {
    const made = await rotateSecret(c.env, c.req.valid('param').id, changeOf(c))
    return c.json(data(c, shownOnce(c, made)), 200)
  })
  app.openapi(guarded(routes.remove), async (c) => {
    await removeClient(c.env, c.req.valid('param').id, changeOf(c))
    return c.body(null, 204)
  })
}

const changeOf = (c: Context<App>): Change => ({
  principal: principalOf(c),
  traceparent: toTraceparent(c.get('trace')),
})

function shownOnce(c: Context<App>, { client, secret }: WithSecret) {
  c.header('Cache-Control', 'no-store')
  return { ...toOAuthClient(client), secret }
}
