import { fileURLToPath } from 'node:url'
import type { D1Database } from '@cloudflare/workers-types'
import { temporaryFolder } from '@menagerie/testing'
import type { Miniflare } from 'miniflare'
import { median, rate } from '../load.ts'
import { startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { runBuilt } from '../runtime.ts'

const ROUNDS = 9
const LOAD = { seconds: 3, connections: 32 }
const peer = (name: string) => fileURLToPath(new URL(`../peers/${name}.ts`, import.meta.url))

/**
 * `GET /users/profile` through gateway and accounts (request id, trace, rate limit, token, session, permission, log
 * line, twice verified) against the same D1 read on a bare pair of Workers. Rounds alternate, so that a busy moment of
 * the machine falls on both.
 */
export async function profileRate(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  const running: Miniflare[] = []
  try {
    const ours = await startProfile(folder.path)
    running.push(ours.runtime)
    const bare = await startBare(folder.path, ours)
    running.push(bare.runtime)

    const rates = { ours: [] as number[], bare: [] as number[] }
    const once = async () => {
      rates.bare.push(await rate({ ...LOAD, url: `${bare.url}/users/profile` }))
      rates.ours.push(
        await rate({
          ...LOAD,
          url: `${ours.url}/users/profile`,
          headers: { authorization: `Bearer ${ours.token}` },
        }),
      )
    }
    await once()
    rates.ours.length = 0
    rates.bare.length = 0
    for (let round = 0; round < ROUNDS; round++) await once()

    const ratio = median(rates.ours.map((value, i) => value / (rates.bare[i] ?? Number.NaN)))
    return [
      {
        what: 'GET /users/profile : bare pair with the same D1 read',
        measured: `${ratio.toFixed(2)} (${median(rates.ours).toFixed(0)}/s : ${median(rates.bare).toFixed(0)}/s)`,
        goal: '≥ 0.70',
        met: ratio >= 0.7,
      },
    ]
  } finally {
    for (const runtime of running) await runtime.dispose()
    await folder.remove()
  }
}

/** Ours, with an agent signed in and the row that the peer reads too. */
async function startProfile(folder: string) {
  const { runtime, url, accounts, signIn } = await startOurs(folder)
  const { username, token } = await signIn('agent')
  const row = await accounts
    .prepare('SELECT * FROM users WHERE username = ?')
    .bind(username)
    .first<Record<string, string>>()
  if (!row) throw new Error('the demo agent cannot sign in')
  const schema = await accounts
    .prepare("SELECT sql FROM sqlite_master WHERE name = 'users'")
    .first<{ sql: string }>()
  return { runtime, url, token, row, schema: schema?.sql ?? '' }
}

async function startBare(folder: string, ours: { row: Record<string, string>; schema: string }) {
  const common = { compatibility_date: '2026-11-01', compatibility_flags: ['nodejs_compat'] }
  const database = [{ binding: 'DB', database_name: 'bare', database_id: 'bare' }]
  const { runtime, url } = await runBuilt(
    folder,
    [
      {
        ...common,
        name: 'bare-gateway',
        main: peer('bare-gateway'),
        services: [{ binding: 'PROFILE', service: 'bare-profile' }],
      },
      { ...common, name: 'bare-profile', main: peer('bare-profile'), d1_databases: database },
    ],
    { USER_ID: String(ours.row.id) },
  )
  const db = (await runtime.getD1Database('DB', 'bare-profile')) as unknown as D1Database
  await db.prepare(ours.schema).run()
  const names = Object.keys(ours.row)
  await db
    .prepare(
      `INSERT INTO users (${names.map((name) => `"${name}"`).join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    )
    .bind(...Object.values(ours.row))
    .run()
  return { runtime, url }
}
