import { randomUUID } from 'node:crypto'
import type { D1Database } from '@cloudflare/workers-types'
import { createSession, type Session } from '@menagerie/client'
import { freePort } from '@menagerie/testing'
import {
  ACCOUNTS_DATABASE,
  applyMigrations,
  deriveConfig,
  ensureDemoUsers,
  ensureSecrets,
  localVars,
  readMigrations,
  readWorkers,
  repositoryRoot,
  type Secrets,
  seedUsers,
} from '@menagerie/testing/local'
import type { Miniflare } from 'miniflare'
import { type BuiltWorker, runBuilt } from './runtime.ts'

export interface Ours {
  runtime: Miniflare
  url: string
  secrets: Secrets
  /** The accounts database. */
  accounts: D1Database
  /** Signs a demo user in. `totpSecret` is empty where it has no authenticator app. */
  signIn(
    role: string,
  ): Promise<{ session: Session; username: string; token: string; totpSecret: string }>
  /** Sessions of the accounts that were asked for, in their order. */
  signInMore(): Promise<Session[]>
}

/**
 * Every Worker as it would be deployed, with the demo users. The tail is left out, since locally it runs in the same
 * process; rate limits are set out of reach.
 *
 * @param vars for the Workers that declare them
 * @param more accounts besides the demo's
 * @param beside further Workers of the same runtime
 */
export async function startOurs(
  folder: string,
  vars: Readonly<Record<string, string>> = {},
  more: { role: string; count: number } = { role: 'user', count: 0 },
  beside: readonly BuiltWorker[] = [],
): Promise<Ours> {
  const port = await freePort()
  const sources = readWorkers(repositoryRoot)
  const secrets = ensureSecrets(folder, sources)
  const configs = sources.map((source) => {
    const config = deriveConfig(source, {
      common: {
        ENVIRONMENT: 'development',
        PUBLIC_URL: `http://localhost:${port}`,
        BOOT_ID: randomUUID(),
        CLOCK_OFFSET_MS: '0',
      },
      declared: { ...localVars('development', undefined), SIGN_INS_PER_MINUTE: '100000', ...vars },
    })
    const { tail_consumers: _, secrets: __, assets: ___, ...rest } = config
    const limits = (config.ratelimits as object[] | undefined)?.map((limit) => ({
      ...limit,
      simple: { limit: 1e9, period: 60 },
    }))
    return { ...rest, ...(limits ? { ratelimits: limits } : {}) } as typeof config
  })
  const { runtime, url } = await runBuilt(folder, [...configs, ...beside], secrets, port)
  let accounts: D1Database | undefined
  for (const { config, folder: home } of sources)
    for (const { binding, database_name, migrations_dir = 'migrations' } of config.d1_databases ??
      []) {
      const database = (await runtime.getD1Database(binding, config.name)) as unknown as D1Database
      await applyMigrations(database, readMigrations(`${home}/${migrations_dir}`))
      if (database_name === ACCOUNTS_DATABASE) accounts = database
    }
  if (accounts === undefined) throw new Error(`no Worker binds ${ACCOUNTS_DATABASE}`)
  const users = ensureDemoUsers(folder)
  const others = Array.from({ length: more.count }, (_, i) => ({
    role: more.role,
    username: `bench-${i + 1}@menagerie.example`,
    password: randomUUID(),
    displayName: `Bench ${i + 1}`,
  }))
  await seedUsers(accounts, [...users, ...others], Date.now(), secrets.KEY_ENCRYPTION_KEY)
  const sessionOf = async ({ username, password }: { username: string; password: string }) => {
    const session = createSession({ baseUrl: url })
    await session.signIn({ username, password })
    return session
  }
  const signIn = async (role: string) => {
    const user = users.find((candidate) => candidate.role === role)
    if (!user) throw new Error(`there is no demo ${role}`)
    const session = await sessionOf(user)
    const { username, totpSecret = '' } = user
    return { session, username, token: session.tokens?.accessToken ?? '', totpSecret }
  }
  const signInMore = async () => {
    const sessions: Session[] = []
    for (const user of others) sessions.push(await sessionOf(user))
    return sessions
  }
  return { runtime, url, secrets, accounts, signIn, signInMore }
}
