import type { OpenAPIHono } from '@hono/zod-openapi'
import type { FlowStep } from '@menagerie/contracts'
import { flows as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  canonicalJson,
  clockOf,
  data,
  guardRoutes,
  idFromKey,
  type JsonObject,
  newId,
  principalOf,
  type Result,
  readIdempotencyKey,
  sha256Hex,
  signedList,
  verifierFor,
} from '@menagerie/core'
import type { ContactQueueApi } from '@menagerie/durable-objects/contact-queue'
import { type App, type Env, settingsOf } from '../context.ts'
import {
  changeFlow,
  createFlow,
  type FlowError,
  type FlowPosition,
  findFlow,
  listFlows,
  removeFlow,
} from '../db/flows.ts'
import { readIfMatch } from '../if-match.ts'

const guarded = guardRoutes(verifierFor('communications'))
const etagOf = (version: number): string => `"${version}"`

/** What incoming calls go through: `queues:write`. */
export function flowRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.create), async (c) => {
    const request = c.req.valid('json')
    const key = readIdempotencyKey(c.req.header('idempotency-key'))
    const id =
      key === undefined
        ? newId()
        : await idFromKey(principalOf(c).id, `POST ${routes.create.path}`, key)
    await checkQueues(c.env, request.steps)
    const requestHash =
      key === undefined ? null : await sha256Hex(canonicalJson(request as JsonObject))
    const now = clockOf(c.env).now()
    const { flow, replayed } = orThrow(
      await createFlow(c.env.DB, { id, requestHash, ...request }, now),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    c.header('ETag', etagOf(flow.version))
    return c.json(data(c, flow), 201)
  })

  app.openapi(guarded(routes.list), async (c) => {
    const { limit, cursor } = c.req.valid('query')
    const list = signedList<FlowPosition>(c, settingsOf(c.env).CURSOR_KEY, 'flows')
    const found = await listFlows(c.env.DB, limit, await list.after(cursor))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(routes.get), async (c) => {
    const flow = await findFlow(c.env.DB, c.req.valid('param').id)
    if (flow === null) throw toAppError({ code: 'not_found' })
    c.header('ETag', etagOf(flow.version))
    return c.json(data(c, flow), 200)
  })

  app.openapi(guarded(routes.patch), async (c) => {
    const { id } = c.req.valid('param')
    const change = c.req.valid('json')
    const ifMatch = readIfMatch(c.req.header('if-match'))
    if (change.steps !== undefined) await checkQueues(c.env, change.steps)
    const flow = orThrow(await changeFlow(c.env.DB, id, change, ifMatch, clockOf(c.env).now()))
    c.header('ETag', etagOf(flow.version))
    return c.json(data(c, flow), 200)
  })

  app.openapi(guarded(routes.remove), async (c) => {
    if (!(await removeFlow(c.env.DB, c.req.valid('param').id)))
      throw toAppError({ code: 'not_found' })
    return c.body(null, 204)
  })
}

/**
 * Asks the queues themselves, since their list is a moment behind.
 *
 * @throws AppError `validation_failed` where a step leads to a queue that is not there
 */
async function checkQueues(env: Env, steps: readonly FlowStep[]): Promise<void> {
  for (const [at, step] of steps.entries()) {
    if (step.type !== 'enqueue') continue
    const queue = env.CONTACT_QUEUE.getByName(step.queueId) as DurableObjectStub & ContactQueueApi
    const found = await queue.get()
    if (found.ok) continue
    if (found.error.code !== 'not_found')
      throw new AppError('unavailable', 'The queue of the flow does not answer')
    const detail = 'must be the id of a queue'
    throw new AppError('validation_failed', 'The flow leads to a queue that is not there', {
      errors: [{ pointer: `/steps/${at}/queueId`, code: 'unknown_queue', detail }],
    })
  }
}

function orThrow<T>(result: Result<T, FlowError>): T {
  if (result.ok) return result.value
  throw toAppError(result.error)
}

function toAppError(error: FlowError): AppError {
  switch (error.code) {
    case 'not_found':
      return new AppError('not_found', 'There is no such flow')
    case 'number_taken':
      return new AppError('conflict', `Calls to ${error.number} follow another flow`)
    case 'precondition_failed':
      return new AppError(
        'precondition_failed',
        `The flow is at version ${error.version}, which If-Match does not name`,
        { headers: { etag: etagOf(error.version) } },
      )
    case 'idempotency_mismatch':
      return new AppError(
        'idempotency_mismatch',
        'The Idempotency-Key was used for another request; use a new one',
      )
    case 'conflict':
      return new AppError('conflict', 'Others change the flow; try again')
  }
}
