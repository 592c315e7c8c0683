import { ApiError, createSession } from '@menagerie/client'
import { type DeviceOptions, RefusedError, SimulatedDevice } from './device.ts'
import { DeviceFile, type KeptDevice } from './device-file.ts'
import { startHabits } from './habits.ts'
import { OUTBOX_LIMIT } from './outbox.ts'
import { type Owner, registerDevice } from './registrar.ts'

export interface DevicesOptions {
  gatewayUrl: string
  /** `mqtt://host:port` */
  mqttUrl: string
  /** 5, or 4 for MQTT 3.1.1. */
  protocolVersion: 5 | 4
  count: number
  /** An account that may register devices; they become its own. */
  username: string
  password: string
  /** Of its authenticator app (base32): passwords for devices ask for a second factor. */
  totpSecret: string
  /** Telemetry messages a second of each device; 1 unless given. */
  ratePerSecond?: number
  /** Devices are `{prefix}-1` and so on; `lab` unless given. */
  prefix?: string
  /** Where passwords and unconfirmed messages are kept between runs. */
  dataDir?: string
  /** After how long an unconfirmed message goes out again; 5 s unless given. */
  resendAfterMs?: number
  /** Length of a device's naps, about as long as it is awake in between; it never sleeps unless given. */
  sleepSeconds?: number
  /** How often a minute each connection is lost; never unless given. */
  dropsPerMinute?: number
  /** How far the clocks of devices may be off, in either direction; not at all unless given. */
  skewSeconds?: number
  /** Told one line of progress at a time. */
  say?: (line: string) => void
}

export interface DeviceCounts {
  /** Those that say goodbye just now count as asleep. */
  connected: number
  asleep: number
  /** Telemetry messages that were made, and how many of them the edge has confirmed. */
  made: number
  confirmed: number
  /** Not confirmed yet, those of an earlier run among them. */
  waiting: number
  /** Commands that were carried out. */
  commands: number
}

export interface RunningDevices {
  /** Those that run. */
  readonly ids: readonly string[]
  /** Those that do not, with the name of what went wrong. */
  readonly failed: readonly { id: string; reason: string }[]
  counts(): DeviceCounts
  /** Stops measuring; ends when everything is confirmed or the time is over. */
  settle(timeoutMs: number): Promise<DeviceCounts>
  stop(): Promise<void>
}

/** So many are registered at a time: each needs the broker to write its password down. */
const AT_A_TIME = 16
/** Unconfirmed messages of all devices together: what bounds the memory while the edge is away. */
const MOST_WAITING = 200_000
const LEAST_OUTBOX = 50
const CONNECT_WITHIN_MS = 30_000

/**
 * Registers devices, connects them to the broker and lets them measure.
 *
 * @param signal ends the start; what runs by then is stopped
 * @throws ApiError when the account cannot sign in
 */
export async function startDevices(
  options: DevicesOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<RunningDevices> {
  const { count, prefix = 'lab', ratePerSecond = 1, say = () => {} } = options
  const session = createSession({ baseUrl: options.gatewayUrl })
  await session.signIn({ username: options.username, password: options.password })
  const owner = { session, totpSecret: options.totpSecret, say }
  const file = new DeviceFile(options.dataDir)
  const running = new Map<string, SimulatedDevice>()
  const failed: { id: string; reason: string }[] = []
  const waiting = Array.from({ length: count }, (_, index) => `${prefix}-${index + 1}`)
  const kept = file.takeAll(waiting)

  async function startSome(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined && !signal.aborted; id = waiting.shift()) {
      try {
        running.set(id, await startOne(id, kept.get(id), options, owner, file, signal))
      } catch (error) {
        if (signal.aborted) return
        const reason = nameOf(error)
        failed.push({ id, reason })
        say(`${id}: ${reason}`)
      }
      const done = running.size + failed.length
      if (done % 25 === 0 || done === count)
        say(`${running.size} of ${count} devices are connected`)
    }
  }

  await Promise.all(Array.from({ length: AT_A_TIME }, startSome))
  await session.signOut().catch(() => {})
  const everyMs = 1000 / ratePerSecond
  // Each begins at its own moment, so that they do not all speak at once.
  const measuring = [...running.values()].map((device, index) => {
    let timer = setTimeout(measure, (everyMs * index) / running.size)
    function measure() {
      device.measure(Date.now())
      timer = setTimeout(measure, everyMs)
    }
    return { stop: () => clearTimeout(timer) }
  })

  const { sleepSeconds = 0, dropsPerMinute = 0 } = options
  const endHabits = startHabits([...running.values()], { sleepSeconds, dropsPerMinute })

  let stopped: Promise<void> | undefined
  async function stopAll(): Promise<void> {
    for (const timer of measuring) timer.stop()
    endHabits()
    await Promise.all([...running.values()].map((device) => device.stop()))
    file.keepAll(
      [...running].map(([id, { password, outbox }]) => [id, { password, outbox }] as const),
    )
  }

  const devices: RunningDevices = {
    ids: [...running.keys()],
    failed,
    counts: () => countAll([...running.values()]),
    async settle(timeoutMs) {
      for (const timer of measuring) timer.stop()
      endHabits()
      const until = Date.now() + timeoutMs
      await new Promise<void>((resolve) => {
        const look = () => {
          if (devices.counts().waiting === 0 || Date.now() >= until) resolve()
          else setTimeout(look, 50)
        }
        look()
      })
      return devices.counts()
    },
    stop: () => {
      stopped ??= stopAll()
      return stopped
    },
  }
  if (signal.aborted) {
    await devices.stop()
    throw signal.reason
  }
  return devices
}

async function startOne(
  id: string,
  kept: KeptDevice | undefined,
  options: DevicesOptions,
  owner: Owner,
  file: DeviceFile,
  signal: AbortSignal,
): Promise<SimulatedDevice> {
  const { mqttUrl, protocolVersion, resendAfterMs = 5_000, skewSeconds = 0 } = options
  const common = {
    ...{ id, mqttUrl, protocolVersion, resendAfterMs },
    outboxLimit: Math.max(LEAST_OUTBOX, Math.min(OUTBOX_LIMIT, MOST_WAITING / options.count)),
    skewMs: (Math.random() * 2 - 1) * skewSeconds * 1000,
    keepsSession: (options.sleepSeconds ?? 0) > 0,
  }
  if (kept !== undefined) {
    try {
      return await connected({ ...common, ...kept }, signal)
    } catch (error) {
      // Another system than that of the last run, or one that was reset.
      if (!(error instanceof RefusedError)) throw error
    }
  }
  const password = await registerDevice(owner, id, signal)
  file.keep(id, { password })
  return connected({ ...common, password }, signal)
}

async function connected(options: DeviceOptions, signal: AbortSignal): Promise<SimulatedDevice> {
  const device = new SimulatedDevice(options)
  const late = AbortSignal.timeout(CONNECT_WITHIN_MS)
  try {
    await device.ready(AbortSignal.any([signal, late]))
    return device
  } catch (error) {
    await device.stop()
    if (error === late.reason)
      throw new Error(
        `No broker answers at ${options.mqttUrl} (${device.lastError ?? 'without a word'})`,
      )
    throw error
  }
}

function countAll(devices: readonly SimulatedDevice[]): DeviceCounts {
  const sum = (of: (device: SimulatedDevice) => number) =>
    devices.reduce((total, device) => total + of(device), 0)
  return {
    connected: sum((device) => (device.isConnected && !device.isAsleep ? 1 : 0)),
    asleep: sum((device) => (device.isAsleep ? 1 : 0)),
    made: sum((device) => device.counts.made),
    confirmed: sum((device) => device.counts.confirmed),
    waiting: sum((device) => device.counts.waiting),
    commands: sum((device) => device.counts.commands),
  }
}

const nameOf = (error: unknown): string =>
  error instanceof ApiError
    ? `${error.code}: ${error.detail}`
    : error instanceof Error
      ? error.message
      : String(error)
