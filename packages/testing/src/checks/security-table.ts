import type { Problem } from './source-file.ts'

/** One row: `| S01 | what must hold | [a test](../path) … |`. */
const ROW = /^\| (S\d{2,3}) +\|.*?\|([^|]*)\|$/gm
const LINK = /\]\(\.\.\/([^)#]+)\)/g

/**
 * Refuses a table of security checks that misses one, or whose linked tests do not name it: a table nobody checks is
 * true on the day it was written.
 *
 * @param document the text of docs/security.md
 * @param expected the ids that must stand in it
 * @param read the text of a file by its path from the root; `undefined` where there is none
 */
export function checkSecurityTable(
  document: string,
  expected: readonly string[],
  read: (path: string) => string | undefined,
): Problem[] {
  const rows = new Map([...document.matchAll(ROW)].map(([, id = '', tests = '']) => [id, tests]))
  return expected.flatMap((id) => {
    const tests = rows.get(id)
    if (tests === undefined) return [`docs/security.md: ${id} has no row`]
    const paths = [...tests.matchAll(LINK)].map(([, path = '']) => path)
    if (paths.length === 0) return [`docs/security.md: ${id} links no test`]
    return paths
      .filter((path) => !namesTest(read(path) ?? '', id))
      .map((path) => `docs/security.md: no test in ${path} names ${id}`)
  })
}

/** The name of a test or of one of its cases holds the id, as in `it('refuses alg none (S01)', …)`; a comment does not count. */
const namesTest = (text: string, id: string): boolean =>
  new RegExp(`['"\`][^'"\`\\n]*\\b${id}\\b`).test(text.replaceAll(/^\s*(?:\/\/|\*|\/\*).*$/gm, ''))
