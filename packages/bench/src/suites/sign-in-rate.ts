import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '@menagerie/testing'
import { ensureDemoUsers } from '@menagerie/testing/local'
import type { Miniflare } from 'miniflare'
import { median } from '../load.ts'
import { startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { runBuilt } from '../runtime.ts'

const ROUNDS = 5
/** Requests of a round, and how many wait at once: a fixed time would cut off what is being hashed at its end. */
const REQUESTS = 16
const CONNECTIONS = 2

/**
 * `POST /auth/login` through the whole system (counters, account, bcrypt of cost 12, session, two tokens) against one
 * bcrypt comparison of the same cost in a bare Worker. A Worker's isolate runs on one core, ours as well as the peer's.
 */
export async function signInRate(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  const running: Miniflare[] = []
  try {
    const ours = await startOurs(folder.path, { SIGN_INS_PER_MINUTE: '100000' })
    running.push(ours.runtime)
    const [user] = ensureDemoUsers(folder.path)
    if (user === undefined) throw new Error('there is no demo user')
    const row = await ours.accounts
      .prepare('SELECT password_hash FROM users WHERE username = ?')
      .bind(user.username)
      .first<{ password_hash: string }>()
    const bare = await runBuilt(
      folder.path,
      [
        {
          name: 'raw-bcrypt',
          main: fileURLToPath(new URL('../peers/raw-bcrypt.ts', import.meta.url)),
          compatibility_date: '2026-11-01',
          compatibility_flags: ['nodejs_compat'],
        },
      ],
      { HASH: row?.password_hash ?? '', PASSWORD: user.password },
    )
    running.push(bare.runtime)

    const credentials = { username: user.username, password: user.password }
    await rateOf(`${ours.url}/auth/login`, credentials)
    const rates = { ours: [] as number[], bare: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      rates.bare.push(await rateOf(`${bare.url}/compare`, {}))
      rates.ours.push(await rateOf(`${ours.url}/auth/login`, credentials))
    }
    const ratio = median(rates.ours.map((value, i) => value / (rates.bare[i] ?? Number.NaN)))
    return [
      {
        what: 'POST /auth/login : one bcrypt comparison of the same cost',
        measured: `${ratio.toFixed(2)} (${median(rates.ours).toFixed(1)}/s : ${median(rates.bare).toFixed(1)}/s)`,
        goal: '≥ 0.90',
        met: ratio >= 0.9,
      },
    ]
  } finally {
    for (const runtime of running) await runtime.dispose()
    await folder.remove()
  }
}

/** @returns requests a second */
async function rateOf(url: string, body: object): Promise<number> {
  let left = REQUESTS
  const connection = async () => {
    while (left > 0) {
      left -= 1
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      await response.body?.cancel()
      if (!response.ok) throw new Error(`${url}: ${response.status}`)
    }
  }
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: CONNECTIONS }, connection))
  return (REQUESTS * 1000) / (performance.now() - startedAt)
}
