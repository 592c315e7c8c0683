import { generateKeyPairSync } from 'node:crypto'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const kid = 'test-key'

/** A key pair of this run, in the place of the accounts service's. */
export const issuer = {
  // A port that nothing answers on.
  publicUrl: 'http://localhost:9',
  privateJwk: { ...privateKey.export({ format: 'jwk' }), kid, alg: 'RS256' },
  jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }] },
}
