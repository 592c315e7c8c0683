import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { buildBridge } from '../build.ts'
import { FakeEdge } from './fake-edge.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { waitUntil } from './wait-until.ts'

const folder = mkdtempSync(join(tmpdir(), 'menagerie-bridge-'))
afterAll(() => rmSync(folder, { recursive: true }))
const programs = {
  'from its sources': join(import.meta.dirname, '..', 'src', 'main.ts'),
  'built into one file': buildBridge(join(folder, 'dist')),
}
const flags = ['--disable-warning=ExperimentalWarning']
if (process.versions.node.startsWith('22.') && !process.features.typescript) {
  flags.push('--experimental-strip-types')
}

function run(program: string, env: Record<string, string>) {
  const child = spawn(process.execPath, [...flags, program], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const seen = { out: '', err: '', code: undefined as number | null | undefined }
  child.stdout.on('data', (chunk) => {
    seen.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    seen.err += chunk
  })
  child.on('close', (code) => {
    seen.code = code
  })
  return { child, seen }
}

describe.each(Object.entries(programs))('the program %s', (_, program) => {
  it('names what is missing or wrong in one line and exits with 1', async () => {
    const { seen } = run(program, { MQTT_URL: 'nowhere', BATCH_SIZE: '1000' })
    await waitUntil('it has ended', () => seen.code !== undefined)
    expect(seen.code).toBe(1)
    expect(seen.err.trim().split('\n')).toHaveLength(1)
    expect(seen.err).toMatch(
      /^mqtt-bridge: MQTT_URL must .*MQTT_USERNAME is missing.*BATCH_SIZE must/,
    )
    expect(seen.out).toBe('')
  })

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends in peace by %s with 0, within 5 s',
    async (signal) => {
      const broker = await new ScriptedBroker().listen()
      const edge = await new FakeEdge().listen()
      const { child, seen } = run(program, {
        MQTT_URL: broker.url,
        MQTT_USERNAME: 'bridge',
        MQTT_PASSWORD: 'canary-password',
        EDGE_URL: edge.url,
        REALM: 'menagerie',
        CLIENT_SECRET: 'canary-secret',
        METRICS_PORT: '0',
      })
      try {
        broker.deliver('v1/devices/a/telemetry/t', ['{"seq":1,"values":{}}'])
        await waitUntil('it works', () => broker.acknowledged.length === 1)
        const began = performance.now()
        child.kill(signal)
        await waitUntil('it has ended', () => seen.code !== undefined)
        expect(seen.code).toBe(0)
        expect(performance.now() - began).toBeLessThan(5_000)
        expect(broker.published.map(({ topic }) => topic)).toContain('v1/devices/a/acks')
        for (const line of seen.out.trim().split('\n'))
          expect(JSON.parse(line).service).toBe('mqtt-bridge')
        expect(seen.out).not.toMatch(/canary/)
      } finally {
        child.kill('SIGKILL')
        await edge.close()
        await broker.close()
      }
    },
  )
})
