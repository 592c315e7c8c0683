import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SourceFile } from './source-file.ts'

/** Larger ones are data, not something a person wrote. */
const LARGEST = 2_000_000

/** The repository's text files: what git tracks, and what it would take when asked to add everything. */
export function repositoryFiles(root: string): SourceFile[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 64_000_000,
    },
  )
  return [...new Set(listed.split('\0'))]
    .filter((path) => path !== '')
    .filter((path) => {
      const full = join(root, path)
      return existsSync(full) && statSync(full).isFile() && statSync(full).size < LARGEST
    })
    .map((path) => ({ path, bytes: readFileSync(join(root, path)) }))
    .filter(({ bytes }) => !bytes.subarray(0, 8_000).includes(0))
    .map(({ path, bytes }) => ({ path, text: bytes.toString('utf8') }))
}
