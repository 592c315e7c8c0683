import type { Problem, SourceFile } from './source-file.ts'

/**
 * What has lost data on D1: a table that is rebuilt drops the old one, and the drop fires ON DELETE CASCADE although
 * the file turned foreign keys off.
 */
const DANGERS = [
  { pattern: /\bDROP\s+TABLE\b/i, name: 'DROP TABLE' },
  { pattern: /\b__new_\w+/i, name: 'a table rebuild (__new_)' },
  { pattern: /\bON\s+DELETE\s+CASCADE\b/i, name: 'ON DELETE CASCADE' },
]
const REVIEWED = /^--[ \t]*reviewed:[ \t]*\S/m

/** Refuses dangerous migrations unless a line `-- reviewed: why` stands in the file. */
export function checkMigrations(files: readonly SourceFile[]): Problem[] {
  return files
    .filter(({ path }) => /(^|\/)migrations\/[^/]+\.sql$/.test(path))
    .filter(({ text }) => !REVIEWED.test(text))
    .flatMap(({ path, text }) =>
      DANGERS.filter(({ pattern }) => pattern.test(text)).map(
        ({ name }) => `${path}: ${name} needs a line "-- reviewed: why it loses nothing"`,
      ),
    )
}
