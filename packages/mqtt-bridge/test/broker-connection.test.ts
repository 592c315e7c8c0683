import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { BrokerConnection } from '../src/broker/broker-connection.ts'
import { quiet } from './quiet.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { waitUntil } from './wait-until.ts'

describe('the connection to the broker', () => {
  let broker: ScriptedBroker
  let connection: BrokerConnection
  let hasLink: boolean

  beforeEach(async () => {
    hasLink = true
    broker = await new ScriptedBroker().listen()
    connection = new BrokerConnection({
      settings: {
        mqtt: {
          url: broker.url,
          protocolVersion: 5,
          username: 'bridge',
          password: 'secret',
          clientId: 'bridge',
          keepaliveSeconds: 1,
        },
        maxInFlight: 10,
      },
      receive: (_packet, handled) => handled(new Error('deferred')),
      onUp: () => {},
      onDown: () => {},
      mayReturn: () => hasLink,
      ...quiet(),
    })
    connection.start()
    await waitUntil('it is up', () => connection.isUp)
  })
  afterEach(async () => {
    await connection.stop(100)
    await broker.close()
  })

  it('is kept alive by acknowledgements: a PINGRESP would come behind all that the broker has sent', async () => {
    const acknowledging = setInterval(() => connection.puback(1), 100)
    await waitUntil('2.5 keepalives are over', () => broker.acknowledged.length >= 25)
    clearInterval(acknowledging)
    expect(broker.pings).toBe(0)
    await waitUntil('it asks when it has nothing to say', () => broker.pings > 0)
  })

  it('is made anew only by a bridge that has the link, however the last one ended', async () => {
    broker.cut()
    await waitUntil('it is back', () => connection.isUp && broker.connects === 2)
    // Stopped for a while, say, it was not told that another bridge has taken the session over.
    hasLink = false
    broker.cut()
    await waitUntil('it has given up', () => connection.state.name === 'parked')
    expect(broker.connects).toBe(2)
    hasLink = true
    connection.start()
    await waitUntil('it is back', () => connection.isUp)
  })
})
