import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { issuer } from './test/support/issuer.ts'

export default defineConfig({
  test: {
    // Log lines are shown for what failed.
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'reports-pure',
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
                TEST_SIGNING_KEY: issuer.privateJwk,
                MIGRATIONS: await readD1Migrations(
                  fileURLToPath(new URL('migrations', import.meta.url)),
                ),
              },
              // Stands for accounts: its keys. The flow through the real one is a system test.
              workers: [
                {
                  name: 'menagerie-accounts',
                  modules: true,
                  script: 'export default { fetch: (_, env) => Response.json(env.JWKS) }',
                  compatibilityDate: '2026-11-01',
                  bindings: { JWKS: issuer.jwks },
                },
              ],
            },
          })),
        ],
        test: {
          name: 'reports',
          // One workerd for all files; they share its storage.
          isolate: false,
          include: ['test/*.test.ts'],
          setupFiles: ['test/support/migrate.ts'],
          testTimeout: 30_000,
        },
      },
    ],
  },
})
