/** A small MQTT 3.1.1 broker for development, as a program of its own: it asks the edge who may do what. */
import { createServer } from 'node:net'
import { Aedes, type AuthenticateError, type Client } from 'aedes'
import { bridgeMayPublish, bridgeMaySubscribe, EdgeRights, secretsEqual } from './aedes-rights.ts'
import { deviceOfUsername, mayUseClientId } from './client-ids.ts'
import { BRIDGE_USERNAME } from './dynamic-security.ts'

const BAD_CREDENTIALS = 4
const IDENTIFIER_REJECTED = 2
const SERVER_UNAVAILABLE = 3
const MOST_PAYLOAD_BYTES = 256 * 1024
/** Every connection is asked about again so often: who lost its right is cut off within 10 s. */
const ASK_AGAIN_MS = 5_000

const { PORT = '', EDGE_URL = '', BROKER_SECRET = '', BRIDGE_PASSWORD = '' } = process.env
const rights = new EdgeRights(EDGE_URL, BROKER_SECRET)
/** Who has connected; their client ids and sessions are theirs. Everybody else has none that could be taken. */
const known = new Set<string>()
const usernames = new WeakMap<Client, string>()
/** What devices signed in with, for as long as they are connected. */
const logins = new Map<Client, { username: string; password: string }>()

const refused = (returnCode: number): AuthenticateError =>
  Object.assign(new Error('refused'), { returnCode }) as AuthenticateError

const broker = await Aedes.createBroker({
  authenticate: (client, username = '', password, done) => {
    void admit(client.id, username, password?.toString() ?? '').then((code) => {
      if (code !== undefined) {
        done(refused(code), false)
        return
      }
      usernames.set(client, username)
      if (username !== BRIDGE_USERNAME) {
        known.add(deviceOfUsername(username))
        logins.set(client, { username, password: password?.toString() ?? '' })
      }
      done(null, true)
    })
  },
  // An error here ends the connection: MQTT 3.1.1 has no other way to say no to a PUBLISH.
  authorizePublish: (client, packet, done) => {
    const username = client === null ? '' : (usernames.get(client) ?? '')
    if (client === null || packet.qos === 2 || packet.payload.length > MOST_PAYLOAD_BYTES) {
      done(new Error('refused'))
    } else if (username === BRIDGE_USERNAME) {
      done(bridgeMayPublish(packet.topic) ? null : new Error('refused'))
    } else {
      void rights
        .may(client, username, 'publish', packet.topic)
        .then((allowed) => done(allowed ? null : new Error('refused')))
    }
  },
  authorizeSubscribe: (client, subscription, done) => {
    const username = usernames.get(client) ?? ''
    // What is granted is QoS 1 at most, which the answer says (MQTT 3.1.1 §3.9.3).
    const granted = { ...subscription, qos: subscription.qos === 0 ? 0 : 1 } as typeof subscription
    if (subscription.topic.startsWith('$share/')) done(null, null)
    else if (username === BRIDGE_USERNAME) {
      done(null, bridgeMaySubscribe(subscription.topic) ? granted : null)
    } else {
      void rights
        .may(client, username, 'subscribe', subscription.topic)
        .then((allowed) => done(null, allowed ? granted : null))
    }
  },
})

/** @returns the code of a refusal (MQTT 3.1.1 §3.2.2.3), `undefined` for a welcome */
async function admit(
  clientId: string,
  username: string,
  password: string,
): Promise<number | undefined> {
  if (username === '') return BAD_CREDENTIALS
  if (username === BRIDGE_USERNAME) {
    return secretsEqual(password, BRIDGE_PASSWORD) ? undefined : BAD_CREDENTIALS
  }
  if (!mayUseClientId(username, clientId, [BRIDGE_USERNAME], known)) return IDENTIFIER_REJECTED
  const answer = await rights.mayConnect(username, password)
  if (answer === 'unavailable') return SERVER_UNAVAILABLE
  return answer === 'allow' ? undefined : BAD_CREDENTIALS
}

broker.on('clientDisconnect', (client) => logins.delete(client))

/** Cuts off who would not be let in any more. One after another: the edge has other things to do too. */
async function askAgain(): Promise<void> {
  for (const [client, { username, password }] of logins) {
    if (client.closed) logins.delete(client)
    else if ((await rights.mayConnect(username, password)) === 'deny') {
      logins.delete(client)
      client.close()
    }
  }
  setTimeout(() => void askAgain(), ASK_AGAIN_MS)
}
setTimeout(() => void askAgain(), ASK_AGAIN_MS)

const server = createServer({ noDelay: true }, broker.handle)
server.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', () => {
  server.close()
  broker.close(() => process.exit(0))
})
