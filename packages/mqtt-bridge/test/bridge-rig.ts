import { Logger } from '@menagerie/core/logger'
import { afterEach, beforeEach } from 'vitest'
import { type RunningBridge, readSettings, startBridge } from '../src/index.ts'
import { FakeEdge } from './fake-edge.ts'
import { ScriptedBroker } from './scripted-broker.ts'

/** Of the test that runs: a broker whose every packet it sees, an edge that counts, and the bridge between them. */
export let broker: ScriptedBroker
export let edge: FakeEdge
/** The first one that was started. */
export let bridge: RunningBridge | undefined
/** What the bridges logged. */
export let lines: string[]
let others: RunningBridge[]

/** Makes them anew for each test of a file. */
export function aBridgeForEachTest(): void {
  beforeEach(async () => {
    lines = []
    others = []
    bridge = undefined
    broker = await new ScriptedBroker().listen()
    edge = await new FakeEdge().listen()
  })
  afterEach(async () => {
    for (const one of others) await one.stop()
    await bridge?.stop()
    await edge.close()
    await broker.close()
  })
}

/** Starts the bridge, or another one beside it. */
export async function start(more: Record<string, string> = {}): Promise<RunningBridge> {
  const settings = readSettings({
    MQTT_URL: broker.url,
    MQTT_USERNAME: 'bridge',
    MQTT_PASSWORD: 'password',
    EDGE_URL: edge.url,
    REALM: 'menagerie',
    CLIENT_SECRET: 'canary-secret',
    METRICS_PORT: '0',
    SCRAPE_TOKEN: 'scrape',
    ...more,
  })
  const logger = new Logger({
    service: 'mqtt-bridge',
    level: 'debug',
    write: (line) => lines.push(line),
  })
  const started = await startBridge(settings, { logger })
  if (bridge === undefined) bridge = started
  else others.push(started)
  return started
}
export const isReady = async () =>
  (await fetch(`${bridge?.metricsUrl}/health/ready`)).status === 200
export const logged = (text: string) => lines.some((line) => line.includes(text))

export const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) =>
    JSON.stringify({ seq: from + index, values: { v: 1 } }),
  )
export const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
export const topicOf = (device: string) => `v1/devices/${device}/telemetry/t`
