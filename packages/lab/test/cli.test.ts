import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { runLab } from '../src/cli.ts'
import { brokers } from './brokers.ts'
import { startTestLab } from './customer.ts'
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
      users: [
        {
          role: 'admin',
          username: 'admin@menagerie.example',
          password: 'secret',
          totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
        },
      ],
      ...more,
    }),
  )

describe('npm run lab', () => {
  test.each([
    [['devices', '--count', '0'], '--count must be a whole number'],
    [['devices', '--count', '2.5'], '--count must be a whole number'],
    [['devices', '--rate', 'fast'], '--rate must be a number'],
    [['devices', '--speed', '2'], "Unknown option '--speed'"],
    [['devices', '--prefix', 'a/b'], '--prefix must be'],
    [['dance'], 'Unknown command dance'],
    [['devices'], 'start one with npm start'],
    [['call', '--from', '+12025550142'], 'Give --from and --to'],
    [['call', '--from', '+12025550142', '--to', '+12025550100'], 'start one with npm start'],
  ])('%j says what to do', async (args, text) => {
    expect(await runLab(args)).toBe(2)
    expect(said.join('')).toContain(text)
  })

  test.each([[['--help']], [['-h']], [['help']], [['devices', '--help']], [['code', '-h']], [[]]])(
    '%j shows what there is',
    async (args) => {
      expect(await runLab(args)).toBe(0)
      expect(said.join('')).toMatch(/^npm run lab -- devices/)
    },
  )

  test('says what to do where the system does not run, or has no broker', async () => {
    demo({})
    expect(await runLab(['devices'])).toBe(2)
    expect(said.join('')).toContain('has no MQTT broker')
    demo({ mqtt: 'mqtt://127.0.0.1:9', mqttProtocol: 5 })
    expect(await runLab(['devices'])).toBe(1)
    expect(said.join('')).toContain('The system does not answer')
  })

  test('lets somebody call a number of the system', async () => {
    const call = ['call', '--from', '+12025550142', '--to', '+12025550100']
    demo({})
    expect(await runLab(call)).toBe(2)
    expect(said.join('')).toContain('has no lab')
    const lab = await startTestLab({ gatewayUrl: 'http://127.0.0.1:9' })
    demo({ lab: lab.url })
    expect(await runLab([...call, '--hang-up-after', '60'])).toBe(0)
    const { data } = (await (await fetch(`${lab.url}/calls`)).json()) as { data: object[] }
    expect(data).toMatchObject([{ direction: 'inbound', from: '+12025550142', to: '+12025550100' }])
    expect(await runLab(['call', '--from', 'Bob', '--to', '+12025550100'])).toBe(2)
    expect(said.join('')).toContain('from')
    await lab.stop()
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
    expect(said.join('')).toMatch(
      /Stopped\. 2 connected · (\d+) made · \1 confirmed · 0 waiting · 0 commands/,
    )
    await edge.stop()
    await gateway.stop()
    await running.stop()
  })
})
