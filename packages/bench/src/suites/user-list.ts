import type { D1Database } from '@cloudflare/workers-types'
import { temporaryFolder } from '@menagerie/testing'
import { quantile } from '../load.ts'
import { startOurs } from '../ours.ts'
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
 * Lists and searches of accounts over HTTP with a million accounts against the same with ten thousand, in one database
 * that grows in between. Pages further down are asked for too, by the cursor of the page before.
 */
export async function userList(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  const ours = await startOurs(folder.path)
  try {
    const { token } = await ours.signIn('admin')
    const measure = async () => ({
      list: await times(ours.url, token, queries.list),
      search: await times(ours.url, token, queries.search),
    })
    await grow(ours.accounts, 0, FEW)
    await measure()
    const few = await measure()
    await grow(ours.accounts, FEW, MANY)
    await measure()
    const many = await measure()
    return (['list', 'search'] as const).map((kind) => {
      const [a, b] = [quantile(many[kind], 0.95), quantile(few[kind], 0.95)]
      return {
        what: `p95 of ${kind === 'list' ? 'lists' : 'searches'} of 1,000,000 accounts : of 10,000`,
        measured: `${(a / b).toFixed(2)} (${a.toFixed(1)} ms : ${b.toFixed(1)} ms)`,
        goal: '≤ 1.50',
        met: a / b <= 1.5,
      }
    })
  } finally {
    await ours.runtime.dispose()
    await folder.remove()
  }
}

/** @returns milliseconds of every request */
async function times(url: string, token: string, asked: readonly string[]): Promise<number[]> {
  const taken: number[] = []
  for (let round = 0; round < ROUNDS; round++)
    for (const query of asked) {
      let cursor: string | undefined
      for (let page = 0; page < 2; page++) {
        const address = new URL(`/users/list${query}`, url)
        if (cursor !== undefined) address.searchParams.set('cursor', cursor)
        const startedAt = performance.now()
        const response = await fetch(address, { headers: { authorization: `Bearer ${token}` } })
        const body = (await response.json()) as { meta: { nextCursor?: string } }
        taken.push(performance.now() - startedAt)
        if (response.status !== 200) throw new Error(`${address}: ${response.status}`)
        cursor = body.meta.nextCursor
        if (cursor === undefined) break
      }
    }
  return taken
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
