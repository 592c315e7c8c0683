import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { BridgeProcess } from '../launcher/bridge-process.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { isDataFolder } from './data-folder.ts'
import { demoFile } from './demo-file.ts'
import { firstScreen } from './first-screen.ts'
import { readSettings } from './settings.ts'
import { summarize } from './test-summary.ts'

test('PORT and DATA_DIR have their defaults and are read from the environment', () => {
  expect(readSettings({})).toEqual({ ok: true, settings: { port: 8787, dataDir: '.data' } })
  expect(readSettings({ PORT: '9000', DATA_DIR: '/tmp/x' })).toEqual({
    ok: true,
    settings: { port: 9000, dataDir: '/tmp/x' },
  })
})

test.each(['abc', '0', '65536', '-1', '80.5', '8787 '])(
  'PORT=%s is refused in one line',
  (PORT) => {
    expect(readSettings({ PORT })).toEqual({
      ok: false,
      reason: `PORT must be a number from 1 to 65535, not "${PORT}"`,
    })
  },
)

test('a PUBLIC_URL that is no origin is refused', () => {
  expect(readSettings({ PUBLIC_URL: 'https://menagerie.example' }).ok).toBe(true)
  expect(readSettings({ PUBLIC_URL: 'menagerie.example' }).ok).toBe(false)
  expect(readSettings({ PUBLIC_URL: 'https://menagerie.example/api' }).ok).toBe(false)
})

const system = {
  url: 'http://localhost:8787',
  wsUrl: 'ws://localhost:8787',
  dataDir: '.data',
  secrets: { SCRAPE_TOKEN: 'scrape', KEY_ENCRYPTION_KEY: 'never shown' },
  users: [
    { role: 'agent', username: '+12025550112', password: 'a-password', displayName: 'Aaron Agent' },
  ],
  labUrl: 'http://localhost:8788',
  logs: () => '',
  stop: async () => {},
}

test('demo.json holds what a person needs to sign in, and no other secret', () => {
  expect(demoFile(system)).toEqual({
    gateway: 'http://localhost:8787',
    console: 'http://localhost:8787',
    lab: 'http://localhost:8788',
    scrapeToken: 'scrape',
    users: [{ role: 'agent', username: '+12025550112', password: 'a-password' }],
  })
})

test('the first screen shows addresses, logins and what to try', () => {
  const screen = firstScreen(demoFile(system), '.data', '4.2 s')
  expect(screen).toContain('ready after 4.2 s')
  expect(screen).toContain('+12025550112   a-password')
  expect(screen).toContain('http://localhost:8788')
  expect(screen).toContain('/calls/start')
  expect(screen).not.toContain('never shown')
})

test('with MQTT they show the broker, the bridge’s page and the demo device', () => {
  const bridge = { url: 'http://127.0.0.1:9091' } as BridgeProcess
  const mqtt = {
    url: 'mqtt://127.0.0.1:1884',
    protocolVersion: 4,
    kind: 'aedes',
    broker: undefined,
    bridge,
  } as const
  const device = { id: 'demo-device', username: 'demo-device', password: 'of the device' }
  const demo = demoFile({ ...system, mqtt, device })
  expect(demo).toMatchObject({ mqtt: mqtt.url, mqttProtocol: 4, bridge: bridge.url, device })
  const screen = firstScreen(demo, '.data', '4.2 s')
  expect(screen).toContain('http://127.0.0.1:9091/metrics')
  expect(screen).toContain('-p 1884 -V mqttv311')
})

const report = (passed: number, failed: number, testResults: unknown[] = []) => ({
  numPassedTests: passed,
  numFailedTests: failed,
  testResults,
})

test('the last line of a test run counts what passed and failed', () => {
  expect(summarize(report(3, 0), 0)).toEqual({ line: '3 passed, 0 failed', exitCode: 0 })
  expect(summarize(report(3, 2), 1)).toEqual({ line: '3 passed, 2 failed', exitCode: 1 })
})

test('a run that failed never says that nothing failed', () => {
  const unloaded = { status: 'failed', assertionResults: [] }
  expect(summarize(report(3, 0, [unloaded]), 1)).toEqual({
    line: '3 passed, 1 failed',
    exitCode: 1,
  })
  expect(summarize(report(3, 0), 1)).toEqual({ line: '3 passed, 1 failed', exitCode: 1 })
  expect(summarize(undefined, 0)).toEqual({ line: '0 passed, 1 failed', exitCode: 1 })
})

test('a reset takes a folder of ours or an empty one, and nobody else’s', async () => {
  await using folder = await temporaryFolder('reset')
  expect(isDataFolder(folder.path)).toBe(true)
  writeFileSync(join(folder.path, 'thesis.txt'), '')
  expect(isDataFolder(folder.path)).toBe(false)
  mkdirSync(join(folder.path, 'state'))
  writeFileSync(join(folder.path, 'secrets.json'), '{}')
  expect(isDataFolder(folder.path)).toBe(true)
})
