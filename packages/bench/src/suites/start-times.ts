import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { freePort, temporaryFolder, waitFor } from '@menagerie/testing'
import { repositoryRoot } from '@menagerie/testing/local'
import type { Finding } from '../report.ts'

/**
 * From a fresh clone with cold npm and pnpm caches to `/health/ready`, and the same again warm. What stands in the
 * work tree but is not committed is not in the clone.
 */
export async function startTimes(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-clone')
  try {
    const clone = join(folder.path, 'clone')
    const git = spawnSync('git', ['clone', '--quiet', '--no-hardlinks', repositoryRoot, clone], {
      encoding: 'utf8',
    })
    if (git.status !== 0) throw new Error(`the repository cannot be cloned: ${git.stderr}`)
    const caches = join(folder.path, 'caches')
    const cold = await timeToReady(clone, caches)
    const warm = await timeToReady(clone, caches)
    return [
      {
        what: 'fresh clone, cold caches, to /health/ready',
        measured: `${cold.toFixed(1)} s`,
        goal: '< 60 s',
        met: cold < 60,
      },
      {
        what: 'npm start, warm, to /health/ready',
        measured: `${warm.toFixed(1)} s`,
        goal: '< 8 s',
        met: warm < 8,
      },
    ]
  } finally {
    await folder.remove()
  }
}

async function timeToReady(clone: string, caches: string): Promise<number> {
  const port = await freePort()
  const startedAt = performance.now()
  const child = spawn('npm', ['start'], {
    cwd: clone,
    env: {
      ...withoutOurs(process.env),
      PORT: String(port),
      npm_config_cache: join(caches, 'npm'),
      npm_config_store_dir: join(caches, 'pnpm'),
      XDG_CACHE_HOME: join(caches, 'xdg'),
    },
    stdio: 'ignore',
  })
  try {
    await waitFor(async () => (await fetch(`http://localhost:${port}/health/ready`)).ok, {
      what: 'npm start to be ready',
      timeoutMs: 180_000,
    })
    return (performance.now() - startedAt) / 1000
  } finally {
    await end(child)
  }
}

/** The environment of somebody who types `npm start`: none of what `npm run bench` has put into ours. */
const withoutOurs = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => !/^(npm_|PNPM_|DATA_DIR$|PORT$|NODE_OPTIONS$)/i.test(name),
    ),
  )

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}
