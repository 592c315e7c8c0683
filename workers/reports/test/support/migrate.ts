import { applyD1Migrations } from 'cloudflare:test'
import { testEnv } from './api.ts'

await applyD1Migrations(testEnv.DB, testEnv.MIGRATIONS)
