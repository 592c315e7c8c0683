import { spawnSync } from 'node:child_process'
import { repositoryRoot } from '@menagerie/testing/local'
import type { Finding } from '../report.ts'

/** How long `npm test` takes here. */
export async function testTime(): Promise<Finding[]> {
  const startedAt = performance.now()
  const { status } = spawnSync('npm', ['test'], { cwd: repositoryRoot, stdio: 'ignore' })
  const seconds = (performance.now() - startedAt) / 1000
  return [
    {
      what: 'npm test',
      measured: `${seconds.toFixed(0)} s${status === 0 ? '' : ' and it failed'}`,
      goal: '< 300 s',
      met: status === 0 && seconds < 300,
    },
  ]
}
