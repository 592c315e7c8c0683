import type { TwinChange } from '@menagerie/contracts'
import { type JsonObject, type ListPage, pageOf, toTimestamp } from '@menagerie/core'
import type { JournalStorage, SqlRow, SqlValue } from '../../journal/index.ts'
import type { ChangeRow } from './change.ts'
import { MAX_REPLAY_CHARACTERS } from './replay.ts'
import type { SectionName } from './twin-document.ts'

/** Versions whose changes are kept. */
export const VERSIONS_KEPT = 1_000

/** The last row a page showed. */
export type HistoryPosition = readonly [version: number, section: SectionName]

/** Which changes are wanted; times in milliseconds since the epoch, `to` not included. */
export interface HistoryFilter {
  section?: SectionName | undefined
  from?: number | undefined
  to?: number | undefined
}

interface Row extends SqlRow {
  version: number
  section: SectionName
  patch: string
  actor: string
  at: number
}

const columns = 'version, section, patch, actor, at'

/** A row for each section that a step of the version changed; twins from before know of no AWS-compatible tree. */
export function createHistoryTable(exec: JournalStorage['exec']): void {
  exec(`CREATE TABLE twin_changes (
    version INTEGER NOT NULL, section TEXT NOT NULL, patch TEXT NOT NULL, actor TEXT NOT NULL,
    at INTEGER NOT NULL, PRIMARY KEY (version, section)) WITHOUT ROWID`)
  exec(`UPDATE object SET state =
    json_set(state, '$.twin.shadow', json('{"isUsed":false,"deletedVersion":0}'))`)
}

/** The changes of a twin, of the newest 1,000 versions. */
export class TwinHistory {
  readonly #exec: JournalStorage['exec']

  constructor(exec: JournalStorage['exec']) {
    this.#exec = exec
  }

  /** Runs inside the transaction of the change. */
  save(rows: readonly ChangeRow[]): void {
    for (const { version, section, patch, actor, at } of rows)
      this.#exec(
        `INSERT INTO twin_changes (${columns}) VALUES (?, ?, ?, ?, ?)`,
        version,
        section,
        JSON.stringify(patch),
        actor,
        at,
      )
    const newest = rows.at(-1)?.version ?? 0
    if (newest > VERSIONS_KEPT)
      this.#exec('DELETE FROM twin_changes WHERE version <= ?', newest - VERSIONS_KEPT)
  }

  /** The device is gone. */
  clear(): void {
    this.#exec('DELETE FROM twin_changes')
  }

  /** Changes of `desired` after a version, oldest first; `undefined` where some are not kept, or no answer holds them. */
  desiredSince(version: number): ChangeRow[] | undefined {
    const [oldest] = this.#exec<{ version: number }>(
      'SELECT version FROM twin_changes ORDER BY version LIMIT 1',
    )
    if (oldest === undefined || oldest.version > version + 1) return undefined
    const missed = `FROM twin_changes WHERE version > ? AND section = 'desired'`
    const [size] = this.#exec<{ characters: number }>(
      `SELECT total(length(patch)) AS characters ${missed}`,
      version,
    )
    if ((size?.characters ?? 0) > MAX_REPLAY_CHARACTERS) return undefined
    return this.#exec<Row>(`SELECT ${columns} ${missed} ORDER BY version`, version).map(toChangeRow)
  }

  /** A page of changes, the newest first. @param before the last row that was shown */
  page(
    { section, from, to }: HistoryFilter,
    limit: number,
    before: HistoryPosition | undefined,
  ): ListPage<TwinChange, HistoryPosition> {
    const wanted: [string, SqlValue[]][] = []
    if (section !== undefined) wanted.push(['section = ?', [section]])
    if (from !== undefined) wanted.push(['at >= ?', [from]])
    if (to !== undefined) wanted.push(['at < ?', [to]])
    if (before !== undefined) wanted.push(['(version, section) < (?, ?)', [...before]])
    const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
    const found = this.#exec<Row>(
      `SELECT ${columns} FROM twin_changes ${where} ORDER BY version DESC, section DESC LIMIT ?`,
      ...wanted.flatMap(([, values]) => values),
      limit + 1,
    )
    return pageOf(
      found,
      limit,
      ({ at, patch, ...row }) => ({
        ...row,
        patch: JSON.parse(patch) as JsonObject,
        time: toTimestamp(at),
      }),
      ({ version, section }) => [version, section],
    )
  }
}

const toChangeRow = ({ patch, ...row }: Row): ChangeRow => ({
  ...row,
  patch: JSON.parse(patch) as JsonObject,
})
