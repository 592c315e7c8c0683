import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outbox } from './outbox.ts'

/** What is kept of a device between two runs. */
export interface KeptDevice {
  password: string
  /** Only while it does not run: a run that was killed has numbered on, and must not number twice. */
  outbox?: Outbox
}

/** A thousand devices that are registered one after the other are not written a thousand times. */
const WRITE_AFTER_MS = 250

/** The simulated devices of a data folder, `lab-devices.json` in it; nothing is kept without a folder. */
export class DeviceFile {
  readonly #path: string | undefined
  readonly #devices: Record<string, KeptDevice>
  #writing: NodeJS.Timeout | undefined

  constructor(dataDir: string | undefined) {
    this.#path = dataDir === undefined ? undefined : join(dataDir, 'lab-devices.json')
    if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true })
    this.#devices =
      this.#path !== undefined && existsSync(this.#path)
        ? (JSON.parse(readFileSync(this.#path, 'utf8')) as Record<string, KeptDevice>)
        : {}
  }

  /** What is known of devices, which are taken to run from now on. */
  takeAll(ids: readonly string[]): ReadonlyMap<string, KeptDevice> {
    const known = ids.flatMap((id) => {
      const device = this.#devices[id]
      return device === undefined ? [] : [[id, device] as const]
    })
    if (known.length > 0) this.keepAll(known.map(([id, { password }]) => [id, { password }]))
    return new Map(known)
  }

  /** Written soon: a password that is lost with the process is asked for again. */
  keep(id: string, device: KeptDevice): void {
    this.#devices[id] = device
    this.#writing ??= setTimeout(() => this.#write(), WRITE_AFTER_MS)
  }

  keepAll(devices: readonly (readonly [string, KeptDevice])[]): void {
    for (const [id, device] of devices) this.#devices[id] = device
    this.#write()
  }

  #write(): void {
    clearTimeout(this.#writing)
    this.#writing = undefined
    if (this.#path === undefined) return
    // Written beside and renamed, so that a kill in between leaves the old file whole; it holds passwords.
    const beside = `${this.#path}.new`
    writeFileSync(beside, JSON.stringify(this.#devices), { mode: 0o600 })
    renameSync(beside, this.#path)
  }
}
