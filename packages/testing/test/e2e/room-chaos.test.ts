import { afterAll, beforeAll, expect, it } from 'vitest'
import { upTo } from '../../src/follow-call.ts'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
} from '../../src/index.ts'
import { roomChaos } from '../../src/room-chaos.ts'

const MESSAGES = 1_000

let folder: TemporaryFolder
let system: System

beforeAll(async () => {
  folder = await temporaryFolder('room-chaos')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    doors: true,
    lab: true,
    seed: true,
  })
})

afterAll(async () => {
  await system?.stop()
  await folder?.remove()
})

it('brings 20 clients every one of 1,000 events once and in order, over resets, evictions and kills of workerd', async () => {
  const { seq, seqs, bodies, written, kills, resumes } = await roomChaos(system, MESSAGES)
  expect(seqs).toHaveLength(20)
  for (const one of seqs) expect(one).toEqual(upTo(seq))
  // No write took effect twice: each has a number and a text of its own.
  expect(new Set(written).size).toBe(MESSAGES)
  expect(new Set(bodies).size).toBe(MESSAGES)
  expect(bodies).toHaveLength(MESSAGES)
  // Every client lost its connection at least as often as workerd was killed.
  expect(kills).toBe(2)
  expect(resumes.length).toBeGreaterThanOrEqual(kills * seqs.length)
}, 240_000)
