import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runLab } from '../src/cli.ts'
import { brokers } from './brokers.ts'
import { Edge, registry } from './edge.ts'

let dataDir: string
const said: string[] = []
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'lab-cli-'))
  vi.stubEnv('DATA_DIR', dataDir)
  said.length = 0
  const write = (text: string | Uint8Array) => said.push(String(text)) > 0
  vi.spyOn(process.stdout, 'write').mockImplementation(write)
  vi.spyOn(process.stderr, 'write').mockImplementation(write)
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  rmSync(dataDir, { recursive: true })
})

const demo = (more: object) =>
  writeFileSync(
    join(dataDir, 'demo.json'),
    JSON.stringify({
      gateway: 'http://127.0.0.1:9',
      users: [{ role: 'admin', username: 'admin@menagerie.example', password: 'secret' }],
      ...more,
    }),
  )

describe('npm run lab', () => {
  test.each([
    [['devices', '--count', '0'], '--count must be a number'],
    [['devices', '--rate', 'fast'], '--rate must be a number'],
    [['devices', '--speed', '2'], "Unknown option '--speed'"],
    [['devices', '--prefix', 'a/b'], '--prefix must be'],
    [['dance'], 'npm run lab -- devices'],
    [['devices'], 'start one with npm start'],
  ])('%j says what to do', async (args, text) => {
    expect(await runLab(args)).toBe(2)
    expect(said.join('')).toContain(text)
  })

  test('says what to do where the system does not run, or has no broker', async () => {
    demo({})
    expect(await runLab(['devices'])).toBe(2)
    expect(said.join('')).toContain('has no MQTT broker')
    demo({ mqtt: 'mqtt://127.0.0.1:9', mqttProtocol: 5 })
    expect(await runLab(['devices'])).toBe(1)
    expect(said.join('')).toContain('The system does not answer')
  })

  test('runs devices for so many seconds and tells how it went', async () => {
    const [broker] = brokers
    if (broker === undefined) throw new Error('There is always the embedded broker')
    const running = await broker.start()
    const gateway = await registry()
    const edge = await Edge.at(running.port, broker.protocolVersion)
    const mqtt = `mqtt://127.0.0.1:${running.port}`
    demo({ gateway: gateway.url, mqtt, mqttProtocol: broker.protocolVersion })
    expect(await runLab(['devices', '--count', '2', '--rate', '20', '--seconds', '0.3'])).toBe(0)
    expect(said.join('')).toMatch(/Stopped\. 2 connected · (\d+) sent · \1 confirmed · 0 waiting/)
    await edge.stop()
    await gateway.stop()
    await running.stop()
  })
})
