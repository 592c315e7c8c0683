import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

/** PEM: an authority, and a server for `localhost` and 127.0.0.1 that it vouches for. Good for an hour. */
export interface ThrowawayCertificates {
  ca: string
  cert: string
  key: string
}

/** X.509 by hand (RFC 5280 §4.1), since Node reads certificates and makes none. */
export function throwawayCertificates(now = Date.now()): ThrowawayCertificates {
  const ca = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const server = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const validity = sequence(utcTime(now - 3_600_000), utcTime(now + 3_600_000))
  const certify = (subject: string, publicKey: KeyObject, extensions: Buffer[]): string => {
    const tbs = sequence(
      tagged(0xa0, integer(2)),
      integer(...randomBytes(8).map((byte, index) => (index === 0 ? byte & 0x3f || 1 : byte))),
      ECDSA_WITH_SHA256,
      nameOf('throwaway authority'),
      validity,
      nameOf(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      tagged(0xa3, sequence(...extensions)),
    )
    const signature = tagged(0x03, Buffer.of(0), sign('sha256', tbs, ca.privateKey))
    return pem(sequence(tbs, ECDSA_WITH_SHA256, signature))
  }
  return {
    ca: certify('throwaway authority', ca.publicKey, [
      // basicConstraints: an authority; keyUsage: signs certificates.
      extension([0x55, 0x1d, 0x13], sequence(Buffer.of(0x01, 1, 0xff))),
      extension([0x55, 0x1d, 0x0f], Buffer.of(0x03, 2, 2, 0x04)),
    ]),
    cert: certify('localhost', server.publicKey, [
      // subjectAltName: a DNS name and an address.
      extension(
        [0x55, 0x1d, 0x11],
        sequence(tagged(0x82, Buffer.from('localhost')), Buffer.of(0x87, 4, 127, 0, 0, 1)),
      ),
    ]),
    key: server.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** A value of DER (X.690 §8.1) up to 64 KiB long. */
function tagged(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), body])
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...long]), body])
}

const sequence = (...parts: Uint8Array[]): Buffer => tagged(0x30, ...parts)
const integer = (...bytes: number[]): Buffer => tagged(0x02, Buffer.from(bytes))
const oid = (...bytes: number[]): Buffer => tagged(0x06, Buffer.from(bytes))
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02))

const nameOf = (commonName: string): Buffer =>
  sequence(tagged(0x31, sequence(oid(0x55, 0x04, 0x03), tagged(0x0c, Buffer.from(commonName)))))

const extension = (id: number[], value: Buffer): Buffer => sequence(oid(...id), tagged(0x04, value))

/** `YYMMDDhhmmssZ` */
const utcTime = (ms: number): Buffer =>
  tagged(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))

const pem = (der: Buffer): string =>
  `-----BEGIN CERTIFICATE-----\n${der.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`
