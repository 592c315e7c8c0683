import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repositoryRoot } from '../paths.ts'
import { checkSecurityTable } from './security-table.ts'

const read = (path: string) => {
  const file = join(repositoryRoot, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}
const identity = Array.from({ length: 59 }, (_, i) => `S${String(i + 1).padStart(2, '0')}`)

test('every check of tokens, sessions, OAuth, passwords and second factors is named by a test', () => {
  expect(checkSecurityTable(read('docs/security.md') ?? '', identity, read)).toEqual([])
})

test('a missing row, a row without a test and a test that does not name its check are found', () => {
  const table = [
    '| S01 | a | [t](../a.test.ts) |',
    '| S02 | b | – |',
    '| S03 | c | [t](../a.test.ts) |',
  ]
  const file = "it('refuses it (S01)', () => {})\n// S03"
  expect(checkSecurityTable(table.join('\n'), ['S01', 'S02', 'S03', 'S04'], () => file)).toEqual([
    'docs/security.md: S02 links no test',
    'docs/security.md: no test in a.test.ts names S03',
    'docs/security.md: S04 has no row',
  ])
})
