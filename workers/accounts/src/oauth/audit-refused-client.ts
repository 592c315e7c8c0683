import { clockOf, toTraceparent } from '@menagerie/core'
import type { Context } from 'hono'
import { auditStatements } from '../audit.ts'
import type { App } from '../context.ts'
import { wakeSweeper } from '../outbox.ts'
import { formOf } from './engine-request.ts'

/** Tells the audit log of a client that could not show who it is. The name is what it said, and may be anything. */
export async function auditRefusedClient(c: Context<App>, named: string | null): Promise<void> {
  const entry = {
    action: 'client.authentication-failed',
    outcome: 'failure',
    actor: { kind: 'anonymous', id: null },
    target: { kind: 'client', id: named },
    reason: 'invalid_client',
  } as const
  c.get('line').add({ reason: 'invalid_client' })
  const traceparent = toTraceparent(c.get('trace'))
  await c.env.DB.batch(auditStatements(c.env.DB, entry, clockOf(c.env).now(), traceparent))
  c.executionCtx.waitUntil(wakeSweeper(c.env))
}

/** The client a request says to be from: for the log alone, and whoever it really is. */
export async function clientNamed(request: Request): Promise<string | null> {
  const form = new URLSearchParams(await formOf(request))
  const basic = /^Basic +([\w+/=-]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1]
  const named = form.get('client_id') ?? (basic === undefined ? null : nameInBasic(basic))
  return named?.slice(0, 64) ?? null
}

function nameInBasic(credentials: string): string | null {
  try {
    const [name = ''] = atob(credentials).split(':')
    return decodeURIComponent(name)
  } catch {
    return null
  }
}
