import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DemoLine } from '../launcher/demo-line.ts'
import type { RunningSystem } from '../launcher/system.ts'

/** `{DATA_DIR}/demo.json`: where to reach what runs, and how to sign in. */
export interface DemoFile {
  gateway: string
  console: string
  /** Where devices connect, and which MQTT the broker speaks: 5, or 4 for MQTT 3.1.1. */
  mqtt?: string
  mqttProtocol?: 5 | 4
  /** The MQTT bridge's own page: `/metrics`, `/health/ready`. */
  bridge?: string
  lab?: string
  scrapeToken: string
  /** `totpSecret` (base32) is asked for by critical actions: `POST /auth/step-up`. */
  users: { role: string; username: string; password: string; totpSecret?: string }[]
  /** Belongs to the admin. */
  device?: { id: string; username: string; password: string }
  /** A number that the lab can ring, and the queue its calls wait in. */
  line?: { number: string; queueId: string }
}

export function demoFile(system: RunningSystem, line?: DemoLine): DemoFile {
  return {
    gateway: system.url,
    console: system.url,
    ...(system.mqtt === undefined
      ? {}
      : {
          mqtt: system.mqtt.url,
          mqttProtocol: system.mqtt.protocolVersion,
          bridge: system.mqtt.bridge.url,
        }),
    ...(system.labUrl === undefined ? {} : { lab: system.labUrl }),
    scrapeToken: system.secrets.SCRAPE_TOKEN ?? '',
    users: system.users.map(({ displayName: _, ...user }) => user),
    ...(system.device === undefined ? {} : { device: system.device }),
    ...(line === undefined ? {} : { line }),
  }
}

/** Writes it, readable by the owner only: it holds passwords. */
export function writeDemoFile(system: RunningSystem, line?: DemoLine): DemoFile {
  const demo = demoFile(system, line)
  writeFileSync(join(system.dataDir, 'demo.json'), `${JSON.stringify(demo, null, 2)}\n`, {
    mode: 0o600,
  })
  return demo
}
