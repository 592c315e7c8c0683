import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { issuer } from './test/support/issuer.ts'
import { fakeProvider } from './test/support/provider.ts'

export default defineConfig({
  test: {
    // Log lines are shown for what failed.
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'notifications-pure',
          environment: 'node',
          isolate: false,
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
                EMAIL_API_URL: 'http://email.test',
                EMAIL_API_KEY: 'an-email-key-for-tests-only',
                CARRIER_API_URL: 'http://carrier.test',
                CARRIER_NUMBER: '+12025550100',
                CARRIER_ACCOUNT_SID: 'ACtest',
                CARRIER_AUTH_TOKEN: 'a-carrier-token-for-tests-only',
                DELIVERY_KEY: 'a-delivery-key-that-is-for-tests-only',
                CURSOR_KEY: 'a-cursor-key-that-is-for-tests-only',
                TEST_SIGNING_KEY: issuer.privateJwk,
                MIGRATIONS: await readD1Migrations(
                  fileURLToPath(new URL('migrations', import.meta.url)),
                ),
              },
              outboundService: fakeProvider(),
              // Stands for accounts: its keys, sessions and contacts. The flow through the real one is a system test.
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
          name: 'notifications',
          // One workerd for all files; they share its storage.
          isolate: false,
          include: ['test/*.test.ts'],
          setupFiles: ['test/support/migrate.ts'],
          testTimeout: 20_000,
        },
      },
    ],
  },
})
