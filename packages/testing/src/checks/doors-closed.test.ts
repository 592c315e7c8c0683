import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveConfig } from '../launcher/derive-config.ts'
import { doorFor } from '../launcher/door-files.ts'
import { readWorkers } from '../launcher/worker-config.ts'
import { repositoryRoot } from '../paths.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { bundle } from './bundles.ts'
import { checkDoorsClosed } from './doors-closed.ts'

const workers = readWorkers(repositoryRoot)
const common = { PUBLIC_URL: '', BOOT_ID: '', CLOCK_OFFSET_MS: '0' }

test('the configurations that are deployed open no door', () => {
  expect(workers.length).toBeGreaterThan(1)
  expect(checkDoorsClosed(workers, [])).toEqual([])
})

test('a configuration whose main is a door, or that says it is a test, is found', () => {
  const [gateway] = workers.map((worker) => ({
    ...worker,
    config: {
      ...worker.config,
      main: doorFor(repositoryRoot, worker.role) ?? '',
      vars: { ENVIRONMENT: 'test' },
    },
  }))
  expect(checkDoorsClosed(gateway === undefined ? [] : [gateway], [])).toEqual([
    'gateway: its main is a test-only door',
    'gateway: ENVIRONMENT is "test"',
  ])
})

test('doors cannot be derived outside a test', () => {
  const [gateway] = workers
  expect(
    () =>
      gateway &&
      deriveConfig(gateway, {
        common: { ...common, ENVIRONMENT: 'development' },
        declared: {},
        doorFor: (role) => doorFor(repositoryRoot, role),
      }),
  ).toThrow('the test-only doors open only where ENVIRONMENT is "test"')
})

test('a bundle with a door in it is found by what it contains', async () => {
  await using folder = await temporaryFolder('door')
  const main = join(repositoryRoot, 'packages/testing/test/fixtures/small-system/doors/notes.ts')
  const configPath = join(folder.path, 'wrangler.json')
  const config = {
    name: 'notes',
    main,
    compatibility_date: '2026-11-01',
    exports: { Counter: { type: 'durable-object', storage: 'sqlite' } },
  }
  writeFileSync(configPath, JSON.stringify(config))
  const built = await bundle(folder.path, {
    role: 'notes',
    configPath,
    folder: folder.path,
    config,
  })
  expect(built.error).toBeUndefined()
  expect(checkDoorsClosed([], built.files).join()).toContain('contains TestDoor')
})
