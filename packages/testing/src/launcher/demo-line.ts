import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError, createSession } from '@menagerie/client'
import { flows, queues } from '@menagerie/contracts/routes'
import type { DemoUser } from './demo-users.ts'
import { LAB_NUMBER } from './vars.ts'

/** A number that can be rung, and the queue its calls wait in. */
export interface DemoLine {
  /** E.164. */
  number: string
  queueId: string
}

/**
 * The demo line of a data folder: a queue, and a flow that leads calls to the lab's number into it. Made at the first
 * start; where somebody has given the number another flow since, theirs stays.
 */
export async function ensureDemoLine(system: {
  url: string
  dataDir: string
  users: readonly DemoUser[]
}): Promise<DemoLine | undefined> {
  const path = join(system.dataDir, 'demo-line.json')
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8'))
  const supervisor = system.users.find(({ role }) => role === 'supervisor')
  if (supervisor === undefined) return undefined
  const session = createSession({ baseUrl: system.url })
  await session.signIn({ username: supervisor.username, password: supervisor.password })
  try {
    const { data: queue } = await session.client.call(queues.create, {
      body: { name: 'Support' },
      idempotencyKey: 'demo-queue',
    })
    await session.client.call(flows.create, {
      body: {
        name: 'Support line',
        numbers: [LAB_NUMBER],
        steps: [
          { type: 'say', text: 'Welcome. Somebody will be with you in a moment.' },
          { type: 'enqueue', queueId: queue.id },
        ],
      },
      idempotencyKey: 'demo-flow',
    })
    const line = { number: LAB_NUMBER, queueId: queue.id }
    writeFileSync(path, `${JSON.stringify(line, null, 2)}\n`)
    return line
  } catch (error) {
    if (error instanceof ApiError && error.code === 'conflict') return undefined
    throw error
  } finally {
    await session.signOut()
  }
}
