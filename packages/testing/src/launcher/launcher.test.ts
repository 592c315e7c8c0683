import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../temporary-folder.ts'
import { waitFor } from '../wait-for.ts'
import { crashScanner, watchForCrash } from './crash-watch.ts'
import { ensureDemoUsers } from './demo-users.ts'
import { deriveConfig, refuseUnknownVars } from './derive-config.ts'
import { hold, holderOf } from './held.ts'
import { readMigrations } from './migration-files.ts'
import { ensureSecrets } from './secrets.ts'
import { localVars } from './vars.ts'
import { parseConfig, type WorkerSource } from './worker-config.ts'

const source: WorkerSource = {
  role: 'accounts',
  configPath: '/repository/workers/accounts/wrangler.toml',
  folder: '/repository/workers/accounts',
  config: parseConfig(
    `name = "menagerie-accounts"
     main = "src/index.ts"
     [vars]
     ENVIRONMENT = "production"
     BCRYPT_COST = "12"
     [secrets]
     required = ["CURSOR_KEY", "CARRIER_ACCOUNT_SID"]
     [assets]
     directory = "public"
     [[d1_databases]]
     binding = "DB"
     database_name = "menagerie-accounts"
     migrations_dir = "migrations"`,
    'wrangler.toml',
  ),
}
const common = {
  ENVIRONMENT: 'test',
  PUBLIC_URL: 'http://localhost:1',
  BOOT_ID: 'boot-1',
  CLOCK_OFFSET_MS: '0',
} as const

test('a derived configuration has absolute paths and a fixed id per database', () => {
  expect(deriveConfig(source, { common, declared: {} })).toMatchObject({
    name: 'menagerie-accounts',
    main: '/repository/workers/accounts/src/index.ts',
    assets: { directory: '/repository/workers/accounts/public' },
    d1_databases: [
      {
        database_id: 'local-menagerie-accounts',
        migrations_dir: '/repository/workers/accounts/migrations',
      },
    ],
  })
})

test('a Worker gets the common variables, and of the others only those it declares', () => {
  const declared = { BCRYPT_COST: '4', CARRIER_NUMBER: '+12025550100' }
  expect(deriveConfig(source, { common, declared }).vars).toEqual({ ...common, BCRYPT_COST: '4' })
})

test('a Worker that requires no secret is given none', () => {
  const { secrets: _, ...config } = source.config
  expect(deriveConfig({ ...source, config }, { common, declared: {} }).secrets).toEqual({
    required: [],
  })
})

test('a variable that nobody declares is named', () => {
  expect(() => refuseUnknownVars([source], { BCRYPT_COST: '4' })).not.toThrow()
  expect(() => refuseUnknownVars([source], { BCRYPT_COTS: '4' })).toThrow('BCRYPT_COTS')
})

test('the carrier is the lab only where there is a lab, and hashing is cheap only in tests', () => {
  expect(localVars('development', undefined)).toEqual({ REQUIRE_ADMIN_SECOND_FACTOR: 'false' })
  expect(localVars('test', 'http://lab')).toEqual({
    BCRYPT_COST: '4',
    SIGN_INS_PER_MINUTE: '100000',
    CALL_STARTS_PER_MINUTE: '100000',
    REQUIRE_ADMIN_SECOND_FACTOR: 'false',
    CARRIER_API_URL: 'http://lab',
    CARRIER_NUMBER: '+12025550100',
    EMAIL_API_URL: 'http://lab',
  })
})

test('secrets and demo passwords are random, stay the same for a folder, and only the owner reads them', async () => {
  await using one = await temporaryFolder('one')
  await using other = await temporaryFolder('other')
  const secrets = ensureSecrets(one.path, [source])
  expect(Object.keys(secrets)).toEqual(['CURSOR_KEY', 'CARRIER_ACCOUNT_SID'])
  expect(secrets.CURSOR_KEY).toMatch(/^[\w-]{43}$/)
  expect(secrets.CARRIER_ACCOUNT_SID).toMatch(/^AC[0-9a-f]{32}$/)
  expect(ensureSecrets(one.path, [source])).toEqual(secrets)
  expect(ensureSecrets(other.path, [source])).not.toEqual(secrets)

  const users = ensureDemoUsers(one.path)
  expect(users.map(({ role }) => role)).toEqual(['user', 'agent', 'supervisor', 'admin'])
  for (const { password } of users) expect(password.length).toBeGreaterThanOrEqual(16)
  expect(users.filter((user) => user.totpSecret).map(({ role }) => role)).toEqual(['admin'])
  expect(users.at(-1)?.totpSecret).toMatch(/^[A-Z2-7]{32}$/)
  expect(ensureDemoUsers(one.path)).toEqual(users)
  for (const name of ['secrets.json', 'demo-users.json']) {
    expect(statSync(join(one.path, name)).mode & 0o077).toBe(0)
  }
})

test('a new secret joins the kept ones', async () => {
  await using folder = await temporaryFolder('secrets')
  writeFileSync(join(folder.path, 'secrets.json'), '{"CURSOR_KEY": "kept"}')
  expect(ensureSecrets(folder.path, [source])).toMatchObject({
    CURSOR_KEY: 'kept',
    CARRIER_ACCOUNT_SID: expect.stringMatching(/^AC/),
  })
})

test('a folder is held until it is released, and a killed holder holds nothing', async () => {
  await using folder = await temporaryFolder('held')
  expect(holderOf(folder.path)).toBeUndefined()
  const release = hold(folder.path)
  expect(holderOf(folder.path)?.pid).toBe(process.pid)
  release()
  expect(holderOf(folder.path)).toBeUndefined()
  writeFileSync(join(folder.path, 'menagerie.pid'), 'torn')
  expect(holderOf(folder.path)).toBeUndefined()
})

test('migrations come in the order of their names, and a folder may be missing', async () => {
  await using folder = await temporaryFolder('migrations')
  writeFileSync(join(folder.path, '0002_b.sql'), 'two')
  writeFileSync(join(folder.path, '0001_a.sql'), 'one')
  writeFileSync(join(folder.path, 'notes.md'), '')
  expect(readMigrations(folder.path).map(({ sql }) => sql)).toEqual(['one', 'two'])
  expect(readMigrations(join(folder.path, 'nowhere'))).toEqual([])
})

test('a crash is noticed from the end of the log on, also behind characters of several bytes', async () => {
  await using folder = await temporaryFolder('crash')
  const log = join(folder.path, 'log')
  const sentence = 'The Workers runtime crashed unexpectedly'
  writeFileSync(log, `${sentence} before the watch began\n`)
  let crashes = 0
  const stop = watchForCrash(log, () => crashes++)
  writeFileSync(log, `grüße\n${sentence} and is being restarted\n`, { flag: 'a' })
  await waitFor(() => crashes === 1, { what: 'the crash to be noticed' })
  stop()
})

test('the sentence that tells of a crash is found when it arrives in pieces', () => {
  const tellsOfCrash = crashScanner()
  expect(tellsOfCrash('ready\nThe Workers runtime ')).toBe(false)
  expect(tellsOfCrash('crashed un')).toBe(false)
  expect(tellsOfCrash('expectedly and')).toBe(true)
})
