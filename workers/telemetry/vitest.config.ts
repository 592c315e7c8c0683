import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

/** The Worker with its object, in workerd. What is pure is tested beside the source, in Node. */
export default defineConfig({
  plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
  test: { name: 'telemetry', include: ['test/**/*.test.ts'] },
})
