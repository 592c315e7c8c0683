import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [
    cloudflareTest(async () => ({
      wrangler: { configPath: './wrangler.toml' },
      miniflare: {
        bindings: {
          ENVIRONMENT: 'test',
          BOOT_ID: 'boot-1',
          BCRYPT_COST: '4',
          KEY_ENCRYPTION_KEY: 'a-key-encryption-key-for-tests-only',
          CURSOR_KEY: 'a-cursor-key-that-is-for-tests-only',
          BRIDGE_CLIENT_SECRET: 'a bridge secret: for tests only, 100%+',
          MIGRATIONS: await readD1Migrations(fileURLToPath(new URL('migrations', import.meta.url))),
        },
      },
    })),
  ],
  test: {
    name: 'accounts',
    // One workerd for all files; they share its storage.
    isolate: false,
    include: ['test/**/*.test.ts'],
    // Log lines are shown for what failed.
    silent: 'passed-only',
    setupFiles: ['test/support/migrate.ts'],
  },
})
