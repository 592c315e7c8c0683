import type { D1Migration } from 'cloudflare:test'
import type { Env } from '../../src/context.ts'

/** The Worker's env and what only tests are given. */
export interface TestEnv extends Env {
  MIGRATIONS: D1Migration[]
  TEST_SIGNING_KEY: JsonWebKey & { kid: string }
}
