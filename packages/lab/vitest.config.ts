import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { name: 'lab', environment: 'node', include: ['test/**/*.test.ts'], testTimeout: 10_000 },
})
