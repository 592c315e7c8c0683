/** What the gate looks at of a CONNECT packet. */
export interface Connect {
  /** 4 is MQTT 3.1.1. */
  protocolVersion: number
  clientId: string
  username: string | undefined
}

export type ReadConnect =
  | { type: 'connect'; connect: Connect }
  | { type: 'more' }
  /** Not a CONNECT packet, which must come first (MQTT 5 §3.1). */
  | { type: 'malformed' }

/** A CONNECT packet with a last will; more is not read. */
const MOST_BYTES = 300_000

/** Reads the first packet of a connection (MQTT 3.1.1 and 5, §3.1). */
export function readConnect(bytes: Buffer): ReadConnect {
  if (bytes.length === 0) return { type: 'more' }
  if (bytes[0] !== 0x10) return { type: 'malformed' }
  try {
    const reader = new Reader(bytes, 1)
    const length = reader.variableInteger()
    if (length > MOST_BYTES) return { type: 'malformed' }
    if (bytes.length < reader.at + length) return { type: 'more' }
    return {
      type: 'connect',
      connect: readBody(new Reader(bytes.subarray(0, reader.at + length), reader.at)),
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // The length itself may be cut off; with all five bytes there, the packet is wrong.
    return { type: bytes.length < 5 ? 'more' : 'malformed' }
  }
}

function readBody(reader: Reader): Connect {
  reader.text()
  const protocolVersion = reader.byte()
  const flags = reader.byte()
  reader.skip(2)
  if (protocolVersion === 5) reader.skip(reader.variableInteger())
  const clientId = reader.text()
  if ((flags & 0x04) !== 0) {
    if (protocolVersion === 5) reader.skip(reader.variableInteger())
    reader.text()
    reader.text()
  }
  return { protocolVersion, clientId, username: (flags & 0x80) === 0 ? undefined : reader.text() }
}

/** @throws RangeError past the end */
class Reader {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  byte(): number {
    return this.#bytes.readUInt8(this.at++)
  }

  skip(count: number): void {
    this.at += count
    if (this.at > this.#bytes.length) throw new RangeError('past the end')
  }

  text(): string {
    const length = this.#bytes.readUInt16BE(this.at)
    const from = this.at + 2
    this.skip(2 + length)
    return this.#bytes.toString('utf8', from, from + length)
  }

  /** MQTT 5 §1.5.5 */
  variableInteger(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte()
      value += (byte & 0x7f) * 2 ** shift
      if ((byte & 0x80) === 0) return value
    }
    throw new RangeError('longer than four bytes')
  }
}
