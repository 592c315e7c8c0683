import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { genesisHash, hashData, hashLink } from './chain.ts'

describe('the hash chain', () => {
  it('hashes data as SHA-256(salt ‖ JCS(data)), salt as bytes', () => {
    const bytes = Buffer.concat([Buffer.from('000102', 'hex'), Buffer.from('{"a":"é"}')])
    expect(hashData('000102', '{"a":"é"}')).toBe(createHash('sha256').update(bytes).digest('hex'))
  })

  it('links an event as SHA-256(previous hash ‖ JCS of six members)', () => {
    const link = { seq: 1, id: 'a:1', type: 't', time: '2026-01-01T00:00:00.000Z', actor: 'x' }
    const dataHash = 'ab'.repeat(32)
    const canonical = `{"actor":"x","dataHash":"${dataHash}","id":"a:1","seq":1,"time":"2026-01-01T00:00:00.000Z","type":"t"}`
    const bytes = Buffer.concat([Buffer.alloc(32), Buffer.from(canonical)])
    expect(hashLink(genesisHash, { ...link, dataHash })).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    )
  })
})
