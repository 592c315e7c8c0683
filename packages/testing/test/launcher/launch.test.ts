import { cpSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  freePort,
  type LaunchOptions,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'
import { processStat } from '../../src/launcher/process-stat.ts'
import { processesOf } from './processes.ts'
import { getJson, postJson, smallSystem } from './small-system.ts'

describe('the launcher', () => {
  let folder: TemporaryFolder
  let running: System[]

  beforeAll(async () => {
    folder = await temporaryFolder('launch')
  })
  beforeEach(() => {
    running = []
  })
  afterEach(() => Promise.all(running.map((system) => system.stop())))
  afterAll(() => folder.remove())

  const start = async (options: Partial<LaunchOptions> = {}) => {
    const system = await launch({
      dataDir: join(folder.path, 'data'),
      port: await freePort(),
      root: smallSystem,
      ...options,
    })
    running.push(system)
    return system
  }

  test('what was stored survives SIGKILL of the runtime, and every start has its own BOOT_ID', async () => {
    let crashes = 0
    const system = await start({ bootId: 'boot-1', onCrash: () => crashes++ })
    expect(await getJson(`${system.url}/self`)).toEqual({
      bootId: 'boot-1',
      environment: 'development',
      greeting: 'hello',
      publicUrl: system.url,
      secretLength: 43,
    })
    await postJson(`${system.url}/notes`, 'kept')
    expect(await postJson(`${system.url}/count`)).toMatchObject({ stored: 1 })
    const group = system.pid ?? 0
    expect(processesOf(group).join()).toContain('workerd')

    await system.kill()
    expect(processesOf(group)).toEqual([])
    expect(system.pid).toBeUndefined()
    await expect(fetch(system.url)).rejects.toThrow()

    await system.restart()
    expect(await getJson(`${system.url}/notes`)).toEqual(['kept'])
    expect(await postJson(`${system.url}/count`)).toMatchObject({ stored: 2 })
    const after = await getJson(`${system.url}/self`)
    expect(after).toMatchObject({ bootId: system.bootId, secretLength: 43 })
    expect(system.bootId).not.toBe('boot-1')
    expect(crashes).toBe(0)
  })

  test('a runtime that ends unasked is noticed at once, though wrangler would go on', async () => {
    let crashes = 0
    const system = await start({ onCrash: () => crashes++ })
    const runtime = processesOf(system.pid ?? 0).find(({ command }) => command.includes('workerd'))
    process.kill(runtime?.pid ?? 0, 'SIGKILL')
    await waitFor(() => crashes === 1, { what: 'the launcher to notice' })
    expect(system.pid).toBeUndefined()
  })

  test('stop leaves no process, and the next launch finds secrets and state again', async () => {
    const first = await start()
    await postJson(`${first.url}/notes`, 'and this')
    const group = first.pid ?? 0
    await first.stop()
    await first.stop()
    expect(processesOf(group)).toEqual([])

    const second = await start()
    expect(second.secrets).toEqual(first.secrets)
    expect(await getJson(`${second.url}/notes`)).toContain('and this')
    expect(statSync(join(second.dataDir, 'secrets.json')).mode & 0o077).toBe(0)

    // As if another living process held the folder.
    const holder = { pid: process.ppid, ...processStat(process.ppid) }
    writeFileSync(join(second.dataDir, 'menagerie.pid'), JSON.stringify(holder))
    await expect(start()).rejects.toThrow(/is used by a running system/)
  })

  test('a busy port is named, and nothing is made', async () => {
    const server = createServer()
    const port = await freePort()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    await expect(start({ port })).rejects.toThrow(`port ${port} is busy`)
    await new Promise((resolve) => server.close(resolve))
  })

  test('a migration that fails is named, with nothing of it applied', async () => {
    const root = copyOfSmallSystem()
    const migrations = join(root, 'workers/notes/migrations')
    writeFileSync(
      join(migrations, '0002_broken.sql'),
      'CREATE TABLE half (id INTEGER);\nINSERT INTO nowhere VALUES (1);',
    )
    const dataDir = join(folder.path, 'broken')
    await expect(start({ root, dataDir })).rejects.toThrow(/migration 0002_broken.sql: .*nowhere/)

    writeFileSync(join(migrations, '0002_broken.sql'), 'CREATE TABLE half (id INTEGER);')
    const system = await start({ root, dataDir })
    expect(await getJson(`${system.url}/notes`)).toEqual([])
  })

  test('a Worker that does not build fails the start with the reason from the log', async () => {
    const root = copyOfSmallSystem()
    writeFileSync(join(root, 'gateway/index.ts'), 'export default { fetch( }')
    await expect(start({ root, readyTimeoutMs: 8_000 })).rejects.toThrow(/gateway\/index.ts/)
  })

  function copyOfSmallSystem(): string {
    const root = join(folder.path, 'root')
    cpSync(smallSystem, root, { recursive: true })
    return root
  }
})
