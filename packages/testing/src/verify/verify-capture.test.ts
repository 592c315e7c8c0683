import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { canonicalJson } from '@menagerie/core/canonical-json'
import {
  type ChainedEvent,
  genesisHash,
  hashData,
  hashLink,
} from '@menagerie/durable-objects/journal/chain'
import * as fc from 'fast-check'
import { CompactSign, exportJWK, generateKeyPair } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Capture, CaptureError, readCapture } from './read-capture.ts'
import { verifyCapture } from './verify-capture.ts'

const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] }
const object = 'calls/019aa5b8-7c00-7000-8000-000000000001'

async function captured(count = 8): Promise<Capture> {
  const events: ChainedEvent[] = []
  const links: Capture['proof']['events'] = []
  let hash = genesisHash
  for (let seq = 1; seq <= count; seq++) {
    const event: ChainedEvent = {
      seq,
      id: `${object}:${seq}`,
      type: seq === 1 ? 'call.created' : 'call.status',
      time: new Date(1_790_000_000_000 + seq).toISOString(),
      actor: 'carrier',
      data: { status: `s${seq}` },
    }
    const salt = seq.toString(16).padStart(32, '0')
    const dataHash = hashData(salt, canonicalJson(event.data))
    hash = hashLink(hash, { ...event, dataHash })
    events.push(event)
    links.push({ seq, salt, dataHash, hash })
  }
  const head = await signed({ object, seq: count, hash, time: '2026-11-22T10:00:00.000Z' })
  const proof = { object, fromSeq: 1, fromHash: genesisHash, toSeq: count, toHash: hash }
  return { events, proof: { ...proof, events: links, head }, jwks }
}

const signed = (payload: object, typ = 'journal-head+jws') =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ })
    .sign(privateKey)

describe('a captured stream', () => {
  it('is proved when it is what was journalled', async () => {
    expect(await verifyCapture(await captured())).toEqual({
      ok: true,
      object,
      fromSeq: 1,
      toSeq: 8,
      erased: [],
      signedAt: '2026-11-22T10:00:00.000Z',
    })
  })

  it('names the event that was removed, wherever it was', async () => {
    const capture = await captured()
    for (const { seq } of capture.events) {
      const events = capture.events.filter((event) => event.seq !== seq)
      const verdict = await verifyCapture({ ...capture, events })
      expect(verdict).toEqual({ ok: false, detail: `Event ${seq} is missing` })
    }
  })

  it('names the event that was altered, whatever was altered in it', async () => {
    const capture = await captured()
    const altered = fc.record({
      index: fc.integer({ min: 0, max: 7 }),
      change: fc.constantFrom<Partial<ChainedEvent>>(
        { type: 'call.hold' },
        { actor: 'nobody' },
        { time: '2026-11-22T00:00:00.000Z' },
        { data: { status: 'other' } },
        { data: {} },
        { data: null },
        { id: `${object}:99` },
      ),
    })
    await fc.assert(
      fc.asyncProperty(altered, async ({ index, change }) => {
        const events = capture.events.map((event, at) =>
          at === index ? { ...event, ...change } : event,
        )
        const verdict = await verifyCapture({ ...capture, events })
        expect(verdict.ok || verdict.detail).toMatch(`Event ${index + 1} was altered`)
      }),
      { numRuns: 200 },
    )
  })

  it('is not proved with an event twice, out of place, or from outside the proof', async () => {
    const capture = await captured()
    const [first, second, ...rest] = capture.events as [
      ChainedEvent,
      ChainedEvent,
      ...ChainedEvent[],
    ]
    const details = await Promise.all(
      [
        [first, second, second, ...rest],
        [second, first, ...rest],
        [...capture.events, { ...first, seq: 9, id: `${object}:9` }],
      ].map(async (events) => {
        const verdict = await verifyCapture({ ...capture, events })
        return verdict.ok ? 'proved' : verdict.detail
      }),
    )
    expect(details[0]).toBe('Event 2 is there twice')
    expect(details[1]).toBe('Event 1 is not in its place')
    expect(details[2]).toMatch('Event 9 is outside the proof')
  })

  it('is not proved by a head of another key, another object, or another kind of JWS', async () => {
    const capture = await captured()
    const { toHash } = capture.proof
    const time = '2026-11-22T10:00:00.000Z'
    const other = await generateKeyPair('RS256', { extractable: true })
    const stranger = { keys: [{ ...(await exportJWK(other.publicKey)), kid: 'k1', alg: 'RS256' }] }
    const heads = [
      await signed({ object: 'calls/another', seq: 8, hash: toHash, time }),
      await signed({ object, seq: 7, hash: toHash, time }),
      await signed({ object, seq: 8, hash: toHash, time }, 'JWT'),
    ]
    for (const head of heads)
      expect((await verifyCapture({ ...capture, proof: { ...capture.proof, head } })).ok).toBe(
        false,
      )
    expect((await verifyCapture({ ...capture, jwks: stranger as typeof jwks })).ok).toBe(false)
  })

  it('keeps the place of an event whose data were erased', async () => {
    const capture = await captured()
    const events = capture.events.map((event) =>
      event.seq === 3 ? { ...event, data: null } : event,
    )
    const links = capture.proof.events.map((link) =>
      link.seq === 3 ? { ...link, salt: null } : link,
    )
    const verdict = await verifyCapture({
      ...capture,
      events,
      proof: { ...capture.proof, events: links },
    })
    expect(verdict).toMatchObject({ ok: true, erased: [3] })
  })
})

describe('what files hold', () => {
  it('may be one object, three files, or the frames of a socket', async () => {
    const { events, proof, jwks: keys } = await captured(3)
    const frames = [
      { type: 'welcome', data: { connectionId: 'c', seq: 0, snapshot: {}, resumed: true } },
      { ...events[0], id: undefined },
      {
        type: 'batch',
        data: { events: events.slice(1).map((event) => ({ ...event, id: undefined })) },
      },
      { type: 'typing', data: {} },
    ]
    const readings = [
      [JSON.stringify({ events, proof, jwks: keys })],
      [
        JSON.stringify({ data: events, meta: { requestId: 'r' } }),
        JSON.stringify({ data: proof, meta: {} }),
        JSON.stringify(keys),
      ],
      [
        frames.map((frame) => JSON.stringify(frame)).join('\n'),
        JSON.stringify(proof),
        JSON.stringify(keys),
      ],
    ]
    for (const texts of readings)
      expect(await verifyCapture(readCapture(texts))).toMatchObject({ ok: true, toSeq: 3 })
  })

  it('is refused with what to add', async () => {
    const { events, proof, jwks: keys } = await captured(3)
    const text = JSON.stringify
    const refusals: [string[], string][] = [
      [[text(events)], 'There is no proof'],
      [[text(events), text(proof)], 'There is no JWKS'],
      [[text(proof), text(keys)], 'There are no events'],
      [['{"events": ['], 'Line 1 is no JSON'],
      [[text([{ hello: 1 }]), text(proof), text(keys)], 'This is no event'],
      [['7'], 'neither an event'],
    ]
    for (const [texts, message] of refusals) {
      expect(() => readCapture(texts)).toThrow(CaptureError)
      expect(() => readCapture(texts)).toThrow(message)
    }
  })
})

describe('npm run verify', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'verify-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const run = promisify(execFile)
  const cli = join(import.meta.dirname, '..', 'cli', 'verify.ts')

  it('says PROVED and leaves with 0, names what is wrong and leaves with 1, and with 2 for no file', async () => {
    const capture = await captured()
    const good = join(folder, 'good.json')
    const bad = join(folder, 'bad.json')
    writeFileSync(good, JSON.stringify(capture))
    writeFileSync(bad, JSON.stringify({ ...capture, events: capture.events.toSpliced(4, 1) }))
    const { stdout } = await run(process.execPath, [cli, good])
    expect(stdout).toBe(
      `PROVED: events 1 to 8 of ${object} are those of its journal, signed at 2026-11-22T10:00:00.000Z\n`,
    )
    await expect(run(process.execPath, [cli, bad])).rejects.toMatchObject({
      code: 1,
      stdout: 'NOT PROVED: Event 5 is missing\n',
    })
    await expect(run(process.execPath, [cli, join(folder, 'none')])).rejects.toMatchObject({
      code: 2,
    })
    await expect(run(process.execPath, [cli])).rejects.toMatchObject({ code: 2 })
  })
})
