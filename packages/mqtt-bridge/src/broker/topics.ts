/** What devices send (contract §5); all the bridge subscribes to. Down topics are not here, so that nothing returns. */
export const UP_TOPICS = [
  'presence',
  'telemetry/+',
  'events/+',
  'twin/reported',
  'twin/get',
  'commands/+/ack',
  'commands/+/progress',
  'commands/+/result',
] as const

/** Requests to the AWS-compatible shadow; their answers go down beside them. */
export const SHADOW_REQUESTS = ['get', 'update', 'delete'] as const

/** Topic filters of one device's up topics, or of all devices' with `+`. */
export const upTopicsOf = (device: string): string[] => [
  ...UP_TOPICS.map((topic) => `v1/devices/${device}/${topic}`),
  ...SHADOW_REQUESTS.map((request) => `$aws/things/${device}/shadow/${request}`),
]

export const acksTopicOf = (device: string): string => `v1/devices/${device}/acks`
