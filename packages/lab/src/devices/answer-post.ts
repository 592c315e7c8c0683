import type { IPublishPacket, MqttClient } from 'mqtt'
import type { CommandAnswer } from './command-book.ts'

/** What a command came with, where the broker speaks MQTT 5. */
export type RequestProperties = IPublishPacket['properties']

/**
 * What a device says to its commands. Each answer is said until the broker has it: unlike measurements, answers have no
 * number that the edge confirms.
 */
export class AnswerPost {
  readonly #client: Pick<MqttClient, 'connected' | 'publish'>
  /** Of the device's topics, with a slash at its end. */
  readonly #root: string
  /** What the broker has not taken yet, by topic and text. */
  readonly #open = new Map<string, () => void>()

  constructor(client: Pick<MqttClient, 'connected' | 'publish'>, root: string) {
    this.#client = client
    this.#root = root
  }

  /** A result goes where the command asks for it, with what it is known by there, if that is a topic of the device's own. */
  say(
    commandId: string,
    { kind, body }: CommandAnswer,
    { responseTopic, correlationData }: NonNullable<RequestProperties> = {},
  ): void {
    const asked = kind === 'result' && responseTopic?.startsWith(this.#root) === true
    const topic = asked ? responseTopic : `${this.#root}commands/${commandId}/${kind}`
    const payload = JSON.stringify(body)
    const key = `${topic} ${payload}`
    const properties = asked && correlationData ? { properties: { correlationData } } : {}
    this.#open.set(key, () =>
      this.#client.publish(topic, payload, { qos: 1, ...properties }, (error) => {
        if (!error) this.#open.delete(key)
      }),
    )
    if (this.#client.connected) this.#open.get(key)?.()
  }

  /** The broker is there again. */
  sayAgain(): void {
    for (const send of this.#open.values()) send()
  }
}
