import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { capture } from './capture.ts'
import type { Problem } from './source-file.ts'
import { twoAtOnce } from './two-at-once.ts'

/** Every package's compiler configurations: tsconfig.json and tsconfig.{part}.json. */
export function typeProjects(root: string): string[] {
  const inside = ['packages', 'workers'].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}`),
  )
  return ['durable-objects', ...inside].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => /^tsconfig(\.[\w-]+)?\.json$/.test(name))
      .map((name) => `${folder}/${name}`),
  )
}

/** Compiles every package without output. What did not change since the last run is not looked at again. */
export async function checkTypes(root: string): Promise<Problem[]> {
  const cache = join(root, 'node_modules/.cache/tsc')
  mkdirSync(cache, { recursive: true })
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const found = await twoAtOnce(typeProjects(root), async (project) => {
    const state = join(cache, `${project.replaceAll('/', '-')}.tsbuildinfo`)
    const args = [tsc, '-p', project, '--pretty', 'false']
    const { code, output } = await capture(
      process.execPath,
      [...args, '--incremental', '--tsBuildInfoFile', state],
      { cwd: root },
    )
    const lines = output.split('\n').filter((line) => line.includes('error TS'))
    return code === 0 ? [] : lines.length > 0 ? lines : [`${project}: ${output.trim()}`]
  })
  return [...new Set(found.flat())]
}
