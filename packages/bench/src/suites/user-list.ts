import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { D1Database } from '@cloudflare/workers-types'
import { temporaryFolder } from '@menagerie/testing'
import { quantile } from '../load.ts'
import { type Ours, startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'

const FEW = 10_000
const MANY = 1_000_000
/** Rows of one statement; the whole of them would keep the database from answering for minutes. */
const CHUNK = 20_000
const ROUNDS = 60

/** Families and given names, so that a word begins many names and few have both. */
const names = [
  'Ada',
  'Boris',
  'Chandra',
  'Dolores',
  'Emeka',
  'Fatima',
  'Greta',
  'Hiro',
  'Ines',
  'Jan',
]

/** What an operator asks: pages of everybody, by role, by status, and searches for much and for little. */
const queries = {
  list: [
    '',
    '?limit=200',
    '?sort=createdAt',
    '?sort=username',
    '?sort=-username',
    '?role=agent',
    '?role=admin',
    '?status=disabled',
    '?status=active&role=user',
  ],
  search: [
    '?q=ada',
    '?q=dol',
    '?q=%2B1555000',
    '?q=%2B155500001234',
    '?q=family4321',
    '?q=nobodyatall',
    '?q=in&role=agent',
    '?q=gre&status=active',
  ],
}

/**
 * Lists and searches of accounts over HTTP in a system of a million accounts against the same in one of ten thousand. The
 * two are asked in turn, so that a busy moment of the machine falls on both. Second pages are asked for too.
 */
export async function userList(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  const running: Ours[] = []
  try {
    for (const size of [FEW, MANY]) {
      const dataDir = join(folder.path, String(size))
      mkdirSync(dataDir)
      const ours = await startOurs(dataDir)
      running.push(ours)
      await grow(ours.accounts, 0, size)
    }
    const ask = await Promise.all(running.map(askerOf))
    const findings: Finding[] = []
    for (const kind of ['list', 'search'] as const) {
      const taken = running.map((): number[] => [])
      for (let round = 0; round <= ROUNDS; round++)
        for (const query of queries[kind])
          for (const [which, times] of taken.entries()) {
            const milliseconds = await ask[which]?.(query)
            // The first round fills caches.
            if (round > 0) times.push(...(milliseconds ?? []))
          }
      const [few = Number.NaN, many = Number.NaN] = taken.map((times) => quantile(times, 0.95))
      findings.push({
        what: `p95 of ${kind === 'list' ? 'lists' : 'searches'} of 1,000,000 accounts : of 10,000`,
        measured: `${(many / few).toFixed(2)} (${many.toFixed(1)} ms : ${few.toFixed(1)} ms)`,
        goal: '≤ 1.50',
        met: many / few <= 1.5,
      })
    }
    return findings
  } finally {
    for (const { runtime } of running) await runtime.dispose()
    await folder.remove()
  }
}

/** Asks for two pages; gives the milliseconds of each. */
async function askerOf(ours: Ours): Promise<(query: string) => Promise<number[]>> {
  const { token } = await ours.signIn('admin')
  const headers = { authorization: `Bearer ${token}` }
  return async (query) => {
    const taken: number[] = []
    const address = new URL(`/users/list${query}`, ours.url)
    for (let page = 0; page < 2; page++) {
      const startedAt = performance.now()
      const response = await fetch(address, { headers })
      const body = (await response.json()) as { meta: { nextCursor?: string } }
      taken.push(performance.now() - startedAt)
      if (response.status !== 200) throw new Error(`${address}: ${response.status}`)
      if (body.meta.nextCursor === undefined) break
      address.searchParams.set('cursor', body.meta.nextCursor)
    }
    return taken
  }
}

/** Accounts number `from` to `to`: a tenth are agents, a hundredth disabled. */
async function grow(db: D1Database, from: number, to: number): Promise<void> {
  const list = names.map((name) => `'${name}'`).join(', ')
  for (let first = from; first < to; first += CHUNK) {
    const last = Math.min(first + CHUNK, to) - 1
    await db
      .prepare(
        `WITH RECURSIVE n(i) AS (SELECT ${first} UNION ALL SELECT i + 1 FROM n WHERE i < ${last}),
         word(i, name) AS (SELECT i, json_extract(json_array(${list}), '$[' || (i % ${names.length}) || ']') FROM n)
         INSERT INTO users (id, username, phone_number, phone_number_verified, password_hash, display_name,
           search_name, roles, status, created_at)
         SELECT printf('0f%06x-0000-7000-8000-%012x', i, i), '+1555' || printf('%08d', i), '+1555' || printf('%08d', i), 1, 'x',
           name || ' Family' || (i % 9973), lower(name) || ' family' || (i % 9973),
           CASE WHEN i % 10 = 0 THEN '["agent"]' ELSE '["user"]' END,
           CASE WHEN i % 100 = 7 THEN 'disabled' ELSE 'active' END, 1700000000000 + i
         FROM word`,
      )
      .run()
  }
}
