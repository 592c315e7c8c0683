import type { System } from '../launcher/system.ts'
import { bridgeKills } from './bridge-kills.ts'
import { brokerKills } from './broker-kills.ts'
import { canHaveSmallDisk, runInside } from './full-disk.ts'
import { NaiveBridge } from './naive.ts'
import { networkFaults } from './network-faults.ts'
import { oneTwin } from './one-twin.ts'
import { brokerAway, edgeAway, type OutageCount, outage } from './outages.ts'
import type { TwinCount } from './twin-count.ts'

/** What became of a run. */
export interface Outcome {
  /** `undefined` where this machine does not let it be tried: nothing is shown then. */
  held: boolean | undefined
  /** Such as `0 lost, 0 doubled`. */
  told: string
}

export interface ProofRun {
  /** What is done to the system, in one line. */
  what: string
  run(system: System): Promise<Outcome>
}

const DEVICES = 20
const number = (count: number): string => count.toLocaleString('en')
const figures = ({ lost, doubled }: TwinCount): string =>
  `${number(lost)} lost, ${number(doubled)} doubled`
const promise = (count: TwinCount): Outcome => ({
  held: count.lost === 0 && count.doubled === 0,
  told: figures(count),
})
const outageOutcome = (count: OutageCount): Outcome => ({
  held: promise(count).held === true && count.toldOf && count.held === 0,
  told: `${figures(count)}, ${count.toldOf ? 'red then green' : 'the bridge did not tell of it'}${
    count.held === 0 ? '' : `, ${count.held} held as if single devices were at fault`
  }`,
})
/** A control proves that the fault is real and the count sees it: it must lose, and not all, as what does not run would. */
export const control = (lost: number, messages: number): Outcome => ({
  held: lost > 0 && lost < messages,
  told:
    lost === 0
      ? 'NOT caught: it lost nothing'
      : lost < messages
        ? `caught losing ${number(lost)}`
        : 'nothing arrived at all: it did not run',
})

/**
 * Every run by its name, in the order they run.
 *
 * @param share of the full numbers, at most 1
 */
export function proofRuns(share: number): Readonly<Record<string, ProofRun>> {
  const of = (full: number) => Math.max(1, Math.round(full * share))
  const kills = { messages: of(100_000), devices: DEVICES, kills: of(100), edgeKills: of(10) }
  const tenth = { ...kills, messages: of(10_000), kills: Math.max(3, of(10)), edgeKills: of(1) }
  const brokers = { messages: of(10_000), devices: DEVICES, kills: Math.max(3, of(10)) }
  const away = { messages: of(5_000), devices: DEVICES }
  return {
    'bridge-kills': {
      what: `${number(kills.messages)} messages, ${kills.kills} kills of the bridge, ${kills.edgeKills} of workerd`,
      run: async (system) => promise(await bridgeKills(system, { prefix: 'p1', ...kills })),
    },
    'naive-bridge': {
      what: `control: ${number(tenth.messages)} messages and an ordinary bridge`,
      run: async (system) => {
        const naive = await NaiveBridge.start(system)
        try {
          await bridgeKills(system, { prefix: 'c1', ...tenth, naive })
          return control(tenth.messages - (await naive.count('c1')), tenth.messages)
        } finally {
          await naive.stop()
        }
      },
    },
    network: {
      what: `${number(of(20_000))} messages under resets, refusals, black holes and dropped replies`,
      run: async (system) => {
        const rounds = of(4)
        const count = await networkFaults(system, {
          ...{ prefix: 'p2', messages: of(20_000), devices: DEVICES, rounds },
        })
        return promise(count)
      },
    },
    'broker-kills': {
      what: `${number(brokers.messages)} messages, ${brokers.kills} kills of Mosquitto, devices trust \`acks\``,
      run: async (system) =>
        promise(await brokerKills(system, { prefix: 'p3', ...brokers, trusts: 'acks' })),
    },
    'broker-trusted': {
      what: 'control: the same, devices trust PUBACK',
      run: async (system) => {
        const count = await brokerKills(system, { prefix: 'c2', ...brokers, trusts: 'puback' })
        return control(count.lost, brokers.messages)
      },
    },
    'broker-away': {
      what: `${number(away.messages)} messages while the broker stops and comes back`,
      run: async (system) =>
        outageOutcome(await outage(system, { prefix: 'b', ...away, begin: brokerAway(system) })),
    },
    'edge-away': {
      what: `${number(away.messages)} messages while the edge stops and comes back`,
      run: async (system) =>
        outageOutcome(await outage(system, { prefix: 'e', ...away, begin: edgeAway(system) })),
    },
    'one-twin': {
      what: `${number(away.messages)} messages while the storage of one device's twin is broken`,
      run: async (system) => {
        const count = await oneTwin(system, { prefix: 'o', ...away })
        return {
          held: promise(count).held === true && count.othersDone && count.held > 0,
          told: `${figures(count)}, ${number(count.held)} held, the others ${count.othersDone ? 'went on' : 'waited'}`,
        }
      },
    },
    'full-disk': {
      what: `${number(away.messages)} messages while the edge's disk is full`,
      run: async () => {
        if (!canHaveSmallDisk())
          return { held: undefined, told: 'this machine allows no mount of our own' }
        return outageOutcome(JSON.parse(await runInside(away.messages)) as OutageCount)
      },
    },
  }
}
