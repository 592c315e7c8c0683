import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
} from '../../src/index.ts'
import { bridgeKills } from '../../src/proof/bridge-kills.ts'
import { NaiveBridge } from '../../src/proof/naive.ts'

const MESSAGES = 20_000
const DEVICES = 20
const KILLS = 30
/** The control needs fewer kills: it loses at each. */
const NAIVE_EVERY = 6

let folder: TemporaryFolder
let system: System

beforeAll(async () => {
  folder = await temporaryFolder('bridge-kills')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    seed: true,
    mqtt: {},
  })
})

afterAll(async () => {
  await system?.stop()
  await folder?.remove()
})

it(`keeps ${MESSAGES} messages of ${DEVICES} devices through ${KILLS} kills of the bridge: none lost, none doubled (G1, G4)`, async () => {
  const naive = await NaiveBridge.start(system)
  try {
    const count = await bridgeKills(system, {
      ...{ prefix: 'killed', messages: MESSAGES, devices: DEVICES },
      ...{ kills: KILLS, edgeKills: 0, naive, naiveEvery: NAIVE_EVERY },
    })
    expect(count).toEqual({ stored: MESSAGES, lost: 0, doubled: 0 })
    // The control: what it had in hand at each kill was acknowledged and is gone.
    expect(await naive.count('killed')).toBeLessThan(MESSAGES)
  } finally {
    await naive.stop()
  }
}, 240_000)
