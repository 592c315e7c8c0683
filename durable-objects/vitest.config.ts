import { join } from 'node:path'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

const root = import.meta.dirname

/** For the configuration at the root too: a project's file may not bring projects of its own there. */
export const projects = [
  {
    // Pure parts and properties, on node:sqlite.
    root,
    test: {
      name: 'journal',
      root,
      environment: 'node',
      // Pure tests share nothing that needs a process for each file.
      isolate: false,
      include: ['src/**/*.test.ts', 'test/*.test.ts', 'test/{journal,devices}/**/*.test.ts'],
      testTimeout: 20_000,
    },
  },
  {
    // Sockets, alarms and eviction, in workerd.
    root,
    plugins: [
      cloudflareTest({ wrangler: { configPath: join(root, 'test/worker/wrangler.toml') } }),
    ],
    test: {
      name: 'journal-workerd',
      root,
      include: ['test/journal-workerd/**/*.test.ts'],
      testTimeout: 15_000,
    },
  },
  {
    // A device's twin and the link to its broker, with local queues and D1.
    root,
    plugins: [
      cloudflareTest({ wrangler: { configPath: join(root, 'test/devices-worker/wrangler.toml') } }),
    ],
    test: {
      name: 'devices-workerd',
      root,
      include: ['test/devices-workerd/**/*.test.ts'],
      testTimeout: 15_000,
    },
  },
]

// Log lines are shown for what failed.
export default defineConfig({ test: { silent: 'passed-only', projects } })
