import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { issuer } from './test/support/issuer.ts'

/** The Worker in workerd with its real twins and links, once for each way in which a broker knows passwords. */
const inWorkerd = (
  name: string,
  BROKER_ACCESS: 'ask' | 'tell',
  include: string[],
): TestProjectInlineConfiguration => ({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: {
          ENVIRONMENT: 'test',
          PUBLIC_URL: issuer.publicUrl,
          BOOT_ID: 'boot-1',
          BROKER_ACCESS,
          BROKER_SECRET: 'a-broker-secret-for-tests-only',
          LINK_KEY: 'a-link-key-that-is-there-for-tests-only',
          CURSOR_KEY: 'a-cursor-key-that-is-for-tests-only',
          TEST_SIGNING_KEY: issuer.privateJwk,
          MIGRATIONS: await readD1Migrations(fileURLToPath(new URL('migrations', import.meta.url))),
        },
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
    name,
    // One workerd for all files; they share its storage.
    isolate: false,
    include,
    setupFiles: ['test/support/migrate.ts'],
    testTimeout: 15_000,
  },
})

export default defineConfig({
  test: {
    // Log lines are shown for what failed.
    silent: 'passed-only',
    projects: [
      {
        test: { name: 'devices-pure', environment: 'node', include: ['test/pure/**/*.test.ts'] },
      },
      inWorkerd('devices', 'ask', ['test/*.test.ts']),
      inWorkerd('devices-telling', 'tell', ['test/telling/*.test.ts']),
    ],
  },
})
