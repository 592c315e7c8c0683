import { toBase64Url } from '@menagerie/core'

const encoder = new TextEncoder()

interface Options {
  challenge: string
  rp?: { id?: string }
  rpId?: string
  user?: { id: string }
}

/** What a test makes go wrong. */
export interface Mischief {
  origin?: string
  rpId?: string
  challenge?: string
  /** The counter told, instead of the next one. */
  counter?: number
  userVerified?: boolean
  /** Signs something else. */
  badSignature?: boolean
}

const UP = 0x01
const UV = 0x04
const AT = 0x40

/** A passkey in software (WebAuthn §6): one P-256 key, with a counter, and without attestation. */
export class Authenticator {
  readonly id = crypto.getRandomValues(new Uint8Array(32))
  readonly #origin: string
  readonly #keys: CryptoKeyPair
  #userHandle = ''
  #counter = 0

  private constructor(origin: string, keys: CryptoKeyPair) {
    this.#origin = origin
    this.#keys = keys
  }

  static async make(origin = 'http://localhost:8787'): Promise<Authenticator> {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    return new Authenticator(origin, keys as CryptoKeyPair)
  }

  /** `navigator.credentials.create` (WebAuthn §6.3.2), as JSON. */
  async create(options: Options, mischief: Mischief = {}) {
    this.#userHandle = options.user?.id ?? ''
    const jwk = (await crypto.subtle.exportKey('jwk', this.#keys.publicKey)) as JsonWebKey
    const key = cborMap([
      [1, 2],
      [3, -7],
      [-1, 1],
      [-2, bytesOf(jwk.x ?? '')],
      [-3, bytesOf(jwk.y ?? '')],
    ])
    const attested = join(new Uint8Array(16), uint16(this.id.length), this.id, key)
    const authData = join(await this.#head(options, mischief, AT), attested)
    const attestationObject = cborMap([
      ['fmt', 'none'],
      ['attStmt', new Map<string, string>()],
      ['authData', authData],
    ])
    return {
      ...this.#shared(),
      response: {
        clientDataJSON: toBase64Url(this.#clientData('webauthn.create', options, mischief)),
        attestationObject: toBase64Url(attestationObject),
        transports: ['internal'],
      },
    }
  }

  /** `navigator.credentials.get` (WebAuthn §6.3.3), as JSON. */
  async get(options: Options, mischief: Mischief = {}) {
    this.#counter += 1
    const authData = await this.#head(options, mischief, 0)
    const clientData = this.#clientData('webauthn.get', options, mischief)
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', clientData))
    const signed = mischief.badSignature ? join(authData, hash, hash) : join(authData, hash)
    const raw = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      this.#keys.privateKey,
      signed,
    )
    return {
      ...this.#shared(),
      response: {
        clientDataJSON: toBase64Url(clientData),
        authenticatorData: toBase64Url(authData),
        signature: toBase64Url(toDer(new Uint8Array(raw))),
        userHandle: this.#userHandle,
      },
    }
  }

  #shared() {
    const id = toBase64Url(this.id)
    return {
      id,
      rawId: id,
      type: 'public-key',
      authenticatorAttachment: 'platform',
      clientExtensionResults: {},
    }
  }

  /** `rpIdHash`, flags and counter (WebAuthn §6.1). */
  async #head(
    options: Options,
    mischief: Mischief,
    flags: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const rpId = mischief.rpId ?? options.rpId ?? options.rp?.id ?? ''
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(rpId)))
    const verified = mischief.userVerified === false ? 0 : UV
    const counter = new Uint8Array(4)
    new DataView(counter.buffer).setUint32(0, mischief.counter ?? this.#counter)
    return join(hash, Uint8Array.of(UP | verified | flags), counter)
  }

  #clientData(type: string, { challenge }: Options, mischief: Mischief): Uint8Array<ArrayBuffer> {
    return encode(
      JSON.stringify({
        type,
        challenge: mischief.challenge ?? challenge,
        origin: mischief.origin ?? this.#origin,
        crossOrigin: false,
      }),
    )
  }
}

const encode = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(encoder.encode(text))

const bytesOf = (base64url: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
    char.charCodeAt(0),
  )

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const uint16 = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 255)

type Cbor = number | string | Uint8Array | ReadonlyMap<string, string>

/** A map of CBOR (RFC 8949 §3) with what attestation needs. */
const cborMap = (entries: readonly (readonly [number | string, Cbor])[]): Uint8Array<ArrayBuffer> =>
  join(head(5, entries.length), ...entries.flatMap(([key, value]) => [cbor(key), cbor(value)]))

function cbor(value: Cbor): Uint8Array {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value)
  if (typeof value === 'string') return join(head(3, encode(value).length), encode(value))
  if (!(value instanceof Uint8Array)) return head(5, 0)
  return join(head(2, value.length), value)
}

function head(major: number, length: number): Uint8Array {
  const type = major << 5
  if (length < 24) return Uint8Array.of(type | length)
  if (length < 256) return Uint8Array.of(type | 24, length)
  return join(Uint8Array.of(type | 25), uint16(length))
}

/** An ECDSA signature as WebAuthn has it (RFC 3279 §2.2.3), from WebCrypto's `r ‖ s`. */
function toDer(raw: Uint8Array): Uint8Array {
  const integer = (bytes: Uint8Array): Uint8Array => {
    let from = 0
    while (from < bytes.length - 1 && bytes[from] === 0) from += 1
    const short = bytes.subarray(from)
    const padded = (short[0] ?? 0) > 127 ? join(Uint8Array.of(0), short) : short
    return join(Uint8Array.of(2, padded.length), padded)
  }
  const body = join(integer(raw.subarray(0, 32)), integer(raw.subarray(32)))
  return join(Uint8Array.of(0x30, body.length), body)
}
