import { existsSync, readFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** A log file without the colours that wrangler puts in even where nobody can see them; empty before it exists. */
export const readLog = (path: string): string =>
  existsSync(path) ? stripVTControlCharacters(readFileSync(path, 'utf8')) : ''
