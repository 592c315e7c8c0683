import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'

const root = import.meta.dirname
const packages = ['packages', 'workers'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
)
/** Folders that bring projects of their own, such as those that run inside workerd. */
const own = ['durable-objects', ...packages].filter((folder) =>
  existsSync(join(root, folder, 'vitest.config.ts')),
)

/** Most of the time a test waits for a timer or another process, also on a machine with two cores. */
const maxWorkers = 3

/** Everything else runs in Node: tests beside the source, and `test/` where no configuration says otherwise. */
const node: TestProjectInlineConfiguration = {
  test: {
    name: 'node',
    maxWorkers,
    // Pure tests share nothing that needs a process for each file.
    isolate: false,
    // Some bundle Workers or start programs, beside everything else.
    testTimeout: 20_000,
    include: ['packages/*/src/**/*.test.ts', 'workers/*/src/**/*.test.ts']
      .concat(packages.map((folder) => `${folder}/test/**/*.test.ts`))
      .filter((pattern) => !own.some((folder) => pattern.startsWith(`${folder}/`))),
    exclude: ['**/node_modules/**', 'packages/testing/test/{e2e,launcher}/**'],
  },
}

/** Real processes; beside the others, since they wait even more. */
const whole = (name: string): TestProjectInlineConfiguration => ({
  test: {
    name,
    include: [`packages/testing/test/${name}/**/*.test.ts`],
    maxWorkers,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
})

/** A folder's projects, which a configuration at the root must list one by one. */
async function projectsOf(folder: string): Promise<TestProjectInlineConfiguration[]> {
  const home = join(root, folder)
  const { default: config } = await import(pathToFileURL(join(home, 'vitest.config.ts')).href)
  const inside: TestProjectInlineConfiguration[] = config.test?.projects ?? [config]
  return inside.map((project) => ({
    root: home,
    ...project,
    // A machine that is busy is no reason to fail: nothing here is timed.
    test: { root: home, maxWorkers, testTimeout: 20_000, hookTimeout: 30_000, ...project.test },
  }))
}

export default defineConfig({
  test: {
    // What the Workers write is worth reading when a test fails.
    silent: 'passed-only',
    projects: [
      node,
      ...(await Promise.all(own.map(projectsOf))).flat(),
      whole('launcher'),
      whole('e2e'),
    ],
  },
})
