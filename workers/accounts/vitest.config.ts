import { builtinModules, createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const oidcProvider = createRequire(import.meta.url).resolve('oidc-provider')
const depd = createRequire(createRequire(oidcProvider).resolve('koa')).resolve(
  'depd/lib/browser/index.js',
)

/** The engine in one piece, as a deployment has it: Node's `depd` makes functions out of text, which workerd forbids. */
const engine = {
  enabled: true,
  include: ['oidc-provider'],
  rolldownOptions: {
    platform: 'node' as const,
    external: [/^node:/, ...builtinModules],
    resolve: { alias: { depd } },
  },
}

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
          DELIVERY_KEY: 'a-delivery-key-that-is-for-tests-only',
          REQUIRE_ADMIN_SECOND_FACTOR: 'false',
          SIGN_INS_PER_MINUTE: '100000',
          MIGRATIONS: await readD1Migrations(fileURLToPath(new URL('migrations', import.meta.url))),
        },
      },
    })),
  ],
  test: {
    name: 'accounts',
    deps: { optimizer: { ssr: engine } },
    // One workerd for all files; they share its storage.
    isolate: false,
    include: ['test/**/*.test.ts'],
    // Log lines are shown for what failed.
    silent: 'passed-only',
    setupFiles: ['test/support/migrate.ts'],
  },
})
