import { applyD1Migrations } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import type { TestEnv } from './test-env.ts'

const { DB, MIGRATIONS } = env as unknown as TestEnv
await applyD1Migrations(DB, MIGRATIONS)
