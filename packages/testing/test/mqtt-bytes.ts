/** MQTT packets as bytes, whole and broken, for what no client would send. */

export interface ConnectFields {
  /** 5, or 4 for MQTT 3.1.1. */
  protocolVersion: 4 | 5
  clientId: string
  username: string
  password: string
}

/** Numbers from 0 up to 1, the same ones for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** MQTT 3.1.1 and 5, §3.1, with a clean start and no last will. */
export function validConnect(fields: ConnectFields): Buffer {
  const { protocolVersion, clientId, username, password } = fields
  return packet(0x10, [
    text('MQTT'),
    Buffer.from([protocolVersion, 0xc2, 0, 60]),
    ...(protocolVersion === 5 ? [Buffer.from([0])] : []),
    ...[clientId, username, password].map(text),
  ])
}

/** One whole packet of each kind that a device may send after CONNECT, and some that it may not. */
export function packets({
  protocolVersion,
  username,
}: Pick<ConnectFields, 'protocolVersion' | 'username'>): Buffer[] {
  const properties = protocolVersion === 5 ? [Buffer.from([0])] : []
  const id = Buffer.from([0, 7])
  const topic = text(`v1/devices/${username}/telemetry/t`)
  return [
    packet(0x32, [topic, id, ...properties, Buffer.from('{"values":{"n":1}}')]),
    packet(0x30, [topic, ...properties, Buffer.from('{"values":{"n":2}}')]),
    packet(0x82, [id, ...properties, text(`v1/devices/${username}/#`), Buffer.from([1])]),
    packet(0xa2, [id, ...properties, text(`v1/devices/${username}/#`)]),
    packet(0x40, [id, ...(protocolVersion === 5 ? [Buffer.from([0, 0])] : [])]),
    packet(0xc0, []),
    packet(0xf0, protocolVersion === 5 ? [Buffer.from([0x18, 0])] : []),
    packet(0x20, [Buffer.from([0, 0])]),
  ]
}

/** Breaks a packet in one to three ways. */
export function mutate(whole: Buffer, random: () => number): Buffer {
  let bytes: Buffer = Buffer.from(whole)
  const times = 1 + Math.floor(random() * 3)
  for (let n = 0; n < times; n++) {
    const way = ways[Math.floor(random() * ways.length)]
    if (way !== undefined) bytes = way(bytes, random)
  }
  return bytes
}

type Way = (bytes: Buffer, random: () => number) => Buffer

const somewhere = (bytes: Buffer, random: () => number) => Math.floor(random() * bytes.length)
const noise = (most: number, random: () => number) =>
  Buffer.from(Array.from({ length: Math.floor(random() * most) }, () => random() * 256))

const ways: Way[] = [
  // A bit, a byte, and the two bytes that say what it is and how long.
  (bytes, random) =>
    withByte(bytes, somewhere(bytes, random), (byte) => byte ^ (1 << (random() * 8))),
  (bytes, random) => withByte(bytes, somewhere(bytes, random), () => random() * 256),
  (bytes, random) => withByte(bytes, 0, () => random() * 256),
  (bytes, random) => withByte(bytes, 1, () => random() * 256),
  // Longer than there is, in as many bytes as may be and more.
  (bytes) => Buffer.concat([bytes.subarray(0, 1), Buffer.from([0xff, 0xff, 0xff, 0x7f]), bytes]),
  (bytes) => Buffer.concat([bytes.subarray(0, 1), Buffer.alloc(5, 0xff), bytes]),
  (bytes, random) => bytes.subarray(0, somewhere(bytes, random)),
  (bytes, random) => {
    const at = somewhere(bytes, random)
    return Buffer.concat([bytes.subarray(0, at), noise(64, random), bytes.subarray(at)])
  },
  (bytes, random) => Buffer.concat([bytes, noise(256, random)]),
  (_, random) => noise(512, random),
]

function withByte(bytes: Buffer, at: number, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(bytes)
  if (at < changed.length) changed[at] = change(changed[at] ?? 0) & 0xff
  return changed
}

function packet(first: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const length: number[] = []
  let left = body.length
  do {
    const more = left >= 128
    length.push((left % 128) | (more ? 0x80 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}
