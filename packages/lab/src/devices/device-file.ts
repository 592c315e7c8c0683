import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outbox } from './outbox.ts'

/** What is kept of a device between two runs. */
export interface KeptDevice {
  password: string
  /** Only while it does not run: a run that was killed has numbered on, and must not number twice. */
  outbox?: Outbox
}

/** The simulated devices of a data folder, `lab-devices.json` in it; nothing is kept without a folder. */
export class DeviceFile {
  readonly #path: string | undefined
  readonly #devices: Record<string, KeptDevice>

  constructor(dataDir: string | undefined) {
    this.#path = dataDir === undefined ? undefined : join(dataDir, 'lab-devices.json')
    if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
    this.#devices =
      this.#path !== undefined && existsSync(this.#path)
        ? (JSON.parse(readFileSync(this.#path, 'utf8')) as Record<string, KeptDevice>)
        : {}
  }

  /** What is known of a device, which is taken to run from now on. */
  take(id: string): KeptDevice | undefined {
    const known = this.#devices[id]
    if (known === undefined) return undefined
    this.keep(id, { password: known.password })
    return known
  }

  keep(id: string, device: KeptDevice): void {
    this.keepAll([[id, device]])
  }

  keepAll(devices: readonly (readonly [string, KeptDevice])[]): void {
    for (const [id, device] of devices) this.#devices[id] = device
    if (this.#path === undefined) return
    // Written beside and renamed, so that a kill in between leaves the old file whole; it holds passwords.
    const beside = `${this.#path}.new`
    writeFileSync(beside, JSON.stringify(this.#devices), { mode: 0o600 })
    renameSync(beside, this.#path)
  }
}
