import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** The queue's consumer in workerd. Who may list dead letters is a matter of the whole system and tested there. */
export default defineConfig({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: {
          ENVIRONMENT: 'test',
          CURSOR_KEY: 'a-cursor-key-that-is-for-tests-only',
          MIGRATIONS: await readD1Migrations(fileURLToPath(new URL('migrations', import.meta.url))),
        },
        // Bound and never asked here.
        workers: [
          {
            name: 'menagerie-accounts',
            modules: true,
            script: 'export default { fetch: () => new Response(null, { status: 503 }) }',
            compatibilityDate: '2026-11-01',
          },
        ],
      },
    })),
  ],
  test: {
    name: 'admin',
    // One workerd for all files; they share its storage.
    isolate: false,
    include: ['test/**/*.test.ts'],
    silent: 'passed-only',
    setupFiles: ['test/support/migrate.ts'],
  },
})
