import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { silentCarrier } from './test/support/carrier.ts'
import { issuer } from './test/support/issuer.ts'

export default defineConfig({
  test: {
    // Log lines are shown for what failed.
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'communications-pure',
          environment: 'node',
          isolate: false,
          // Thousands of changed requests and texts each.
          testTimeout: 20_000,
          include: ['test/pure/**/*.test.ts'],
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: './wrangler.toml' },
            miniflare: {
              bindings: {
                ENVIRONMENT: 'test',
                PUBLIC_URL: issuer.publicUrl,
                BOOT_ID: 'boot-1',
                CARRIER_API_URL: 'http://carrier.test',
                CARRIER_NUMBER: '+12025550100',
                CARRIER_ACCOUNT_SID: 'AC0123456789abcdef0123456789abcdef',
                CARRIER_AUTH_TOKEN: 'a-carrier-token-for-tests-only',
                CURSOR_KEY: 'a-cursor-key-that-is-for-tests-only',
                TEST_SIGNING_KEY: issuer.privateJwk,
                MIGRATIONS: await readD1Migrations(
                  fileURLToPath(new URL('migrations', import.meta.url)),
                ),
              },
              outboundService: silentCarrier(),
              // Stands for accounts: its keys and sessions. The flow through the real one is a system test.
              workers: [
                {
                  name: 'menagerie-accounts',
                  modules: true,
                  scriptPath: 'test/support/accounts.js',
                  compatibilityDate: '2026-11-01',
                  bindings: { JWKS: issuer.jwks },
                  durableObjects: { USER_SESSIONS: { className: 'UserSessions', useSQLite: true } },
                },
              ],
            },
          })),
        ],
        test: {
          name: 'communications',
          // One workerd for all files; they share its storage.
          isolate: false,
          include: ['test/*.test.ts'],
          setupFiles: ['test/support/migrate.ts'],
          testTimeout: 40_000,
        },
      },
    ],
  },
})
