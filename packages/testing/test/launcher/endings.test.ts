import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { freePort, type TemporaryFolder, temporaryFolder, waitFor } from '../../src/index.ts'
import { repositoryRoot } from '../../src/paths.ts'
import { allProcesses, descendants, type Process } from './processes.ts'
import { getJson, smallSystem } from './small-system.ts'

/** What must be gone within five seconds of a kill. */
const GONE_WITHIN_MS = 5_000

interface Started {
  npm: ChildProcess
  output: () => string
  url: string
  family: Process[]
}

describe('npm start', () => {
  let folder: TemporaryFolder
  let started: Started | undefined

  beforeAll(async () => {
    folder = await temporaryFolder('endings')
  })
  afterEach(() => {
    for (const { pid } of survivors(started?.family ?? [])) process.kill(pid, 'SIGKILL')
  })
  afterAll(() => folder.remove())

  /** As a person does it, in a process group of its own as a terminal would give it. */
  const start = async (prefix = ''): Promise<Started> => {
    const port = await freePort()
    const npm = spawn('sh', ['-c', `${prefix} exec npm start -- --workers "${smallSystem}"`], {
      cwd: repositoryRoot,
      env: { ...process.env, DATA_DIR: join(folder.path, 'data'), PORT: String(port) },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [npm.stdout, npm.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk
      })
    }
    await waitFor(() => output.includes('is ready'), {
      what: 'npm start to say that it is ready',
      timeoutMs: 40_000,
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${output}`)
    })
    const family = descendants(npm.pid ?? 0)
    return { npm, output: () => output, url: `http://localhost:${port}`, family }
  }
  const member = (command: string): number => {
    const found = started?.family.find((process) => process.command.includes(command))
    if (found === undefined) throw new Error(`nothing runs ${command}`)
    return found.pid
  }
  const allGone = () =>
    waitFor(() => survivors(started?.family ?? []).length === 0, {
      what: 'every process to be gone',
      timeoutMs: GONE_WITHIN_MS,
    })

  const npmItself = () => started?.npm.pid ?? 0
  test.each<[string, NodeJS.Signals, () => number, string?]>([
    ['SIGTERM to npm', 'SIGTERM', npmItself],
    ['SIGINT to npm, inherited as ignored', 'SIGINT', npmItself, "trap '' INT;"],
    ['SIGKILL to npm', 'SIGKILL', npmItself],
    ['SIGKILL to the bootstrap', 'SIGKILL', () => member('bin/menagerie.mjs')],
    ['SIGKILL to the launcher', 'SIGKILL', () => member('src/cli/start.ts')],
    ['Ctrl-C in the terminal', 'SIGINT', () => -npmItself()],
    ['SIGKILL to the whole group', 'SIGKILL', () => -npmItself()],
  ])('%s leaves no process behind', async (_, signal, whom, prefix) => {
    started = await start(prefix)
    expect(await getJson(`${started.url}/health/ready`)).toEqual({ status: 'ok' })
    expect(started.family.join('\n')).toContain('workerd')
    process.kill(whom(), signal)
    await allGone()
  })

  test('a supervisor that is killed takes the runtime with it, and both are started again', async () => {
    started = await start()
    process.kill(member('bin/supervisor.mjs'), 'SIGKILL')
    await waitFor(() => started?.output().includes('was started again'), {
      what: 'npm start to say that the runtime was started again',
      timeoutMs: 20_000,
    })
    expect(await getJson(`${started.url}/health/ready`)).toEqual({ status: 'ok' })
    started.family = descendants(npmItself())
    process.kill(npmItself(), 'SIGTERM')
    await allGone()
  })
})

/** Those of a family that still run; a number may have gone to another process meanwhile. */
function survivors(family: readonly Process[]): Process[] {
  const living = new Map(allProcesses().map((process) => [process.pid, process.command]))
  return family.filter(({ pid, command }) => living.get(pid) === command)
}
