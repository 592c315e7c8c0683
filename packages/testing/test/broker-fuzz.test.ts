import { readdirSync, readFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { processStat } from '../src/launcher/process-stat.ts'
import { waitFor } from '../src/wait-for.ts'
import { BrokerSystem, brokerKinds } from './broker-support.ts'
import { mutate, packets, seededRandom, validConnect } from './mqtt-bytes.ts'

const missing = brokerKinds.includes('mosquitto') ? '' : ' (no mosquitto here: not tried)'
/** The embedded broker, which is for development alone, gets fewer: it is slower. */
const PACKETS = { mosquitto: 10_000, aedes: 2_000 }
const AT_A_TIME = 40
/** Buffers and freed memory that an allocator keeps. */
const STABLE_BYTES = 30e6
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 1_000_000_007)

describe.each(brokerKinds)(`malformed MQTT at %s${missing}`, { timeout: 180_000 }, (kind) => {
  let system: BrokerSystem
  beforeAll(async () => {
    system = await BrokerSystem.start(kind)
    await system.provision('d1')
    await system.provision('d2')
  }, 30_000)
  afterAll(() => system?.stop())

  it(`${PACKETS[kind]} fuzzed packets leave broker and bridge alive, with no more memory (S113, seed ${seed})`, async () => {
    const random = seededRandom(seed)
    const login = { protocolVersion: system.broker.protocolVersion, username: 'd1' }
    const good = validConnect({ ...login, clientId: 'd1-fuzz', password: 'password-d1' })
    // Through the gate as devices come, and past it as only the bridge does.
    const ports = [system.broker.port, Number(new URL(system.broker.bridgeUrl).port)]
    const send = async (count: number) => {
      let left = count
      const lane = async () => {
        while (left > 0) {
          left -= 1
          const port = ports[left % ports.length] ?? system.broker.port
          // Half of them never get in; the others are in and then talk nonsense.
          const nonsense =
            left % 2 === 0
              ? mutate(good, random)
              : Buffer.concat([good, mutate(packets(login)[left % 8] ?? good, random)])
          await deliver(port, nonsense)
        }
      }
      await Promise.all(Array.from({ length: AT_A_TIME }, lane))
    }
    await send(PACKETS[kind] / 2)
    const before = { broker: memoryOfGroup(system.broker.pid), bridge: await system.memory() }
    await send(PACKETS[kind] / 2)
    await system.ready()
    expect(memoryOfGroup(system.broker.pid)).toBeLessThan(before.broker + STABLE_BYTES)
    expect(await system.memory()).toBeLessThan(before.bridge + STABLE_BYTES)

    const device = await system.connect('d2')
    await device.publishAsync('v1/devices/d2/events/after', '{}', { qos: 1 })
    const arrived = () =>
      system.edge.stored.some(({ topic }) => topic === 'v1/devices/d2/events/after')
    await waitFor(arrived, { what: 'a message to pass as before' })
    await device.endAsync()
  })
})

/** Sends bytes on a connection of their own, and ends when the broker has ended it. */
function deliver(port: number, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    const socket = connectSocket({ port, host: '127.0.0.1', noDelay: true })
    const late = setTimeout(() => socket.destroy(), 1_000)
    socket.on('close', () => {
      clearTimeout(late)
      resolve()
    })
    socket.on('error', () => {})
    socket.resume()
    socket.end(bytes)
  })
}

/** Resident memory of a process group in bytes (proc(5)). */
function memoryOfGroup(group: number): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids
    .filter((pid) => processStat(pid)?.group === group)
    .map((pid) => {
      const [, kilobytes = '0'] =
        /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
      return Number(kilobytes) * 1024
    })
    .reduce((sum, bytes) => sum + bytes, 0)
}
