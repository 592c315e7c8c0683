import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot, testingFolder } from '../paths.ts'

/**
 * The entry file that adds the test-only doors to a Worker, for the Workers that have one: this package's for the
 * product, `doors/` inside any other root.
 *
 * @param role such as `gateway`
 */
export function doorFor(root: string, role: string): string | undefined {
  const folder = root === repositoryRoot ? join(testingFolder, 'src', 'doors') : join(root, 'doors')
  const path = join(folder, `${role}.ts`)
  return existsSync(path) ? path : undefined
}
