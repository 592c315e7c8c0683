import type { Env } from './context.ts'

/** Asks the one sweeper of this Worker to drain the outbox; its alarm does the work. */
export async function wakeSweeper(env: Env): Promise<void> {
  await env.OUTBOX_SWEEPER.getByName('devices').wake()
}
