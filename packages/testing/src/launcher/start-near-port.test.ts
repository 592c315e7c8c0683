import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePort } from '../free-port.ts'
import { startNearPort } from './start-near-port.ts'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listen(port: number): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  servers.push(server)
  return port
}

test('a port that is taken is passed by', async () => {
  const preferred = await listen(await freePort())
  expect(await startNearPort(preferred, listen)).toBeGreaterThan(preferred)
})

test('a port that another system takes at the last moment is passed by, too', async () => {
  const preferred = await freePort()
  const tried: number[] = []
  const port = await startNearPort(preferred, async (port) => {
    tried.push(port)
    if (tried.length === 1) await listen(port)
    return listen(port)
  })
  expect(tried).toEqual([preferred, port])
})

test('what fails for another reason is not tried again', async () => {
  let tries = 0
  const failing = startNearPort(undefined, async () => {
    tries += 1
    throw new Error('a bad setting')
  })
  await expect(failing).rejects.toThrow('a bad setting')
  expect(tries).toBe(1)
})
