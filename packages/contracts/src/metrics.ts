/** The Prometheus series of contract §8 that stand, with their kind, labels and help text. */
export const series = {
  http_requests_total: {
    kind: 'counter',
    labels: ['service', 'route', 'method', 'status'],
    help: 'Requests answered, by route pattern.',
  },
  http_request_duration_seconds: {
    kind: 'histogram',
    labels: ['service', 'route', 'method'],
    help: 'Time to answer a request.',
  },
  calls_total: { kind: 'counter', labels: ['direction', 'status'], help: 'Calls that ended.' },
  call_minutes_total: { kind: 'counter', labels: ['direction'], help: 'Minutes talked.' },
  calls_active: { kind: 'gauge', labels: [], help: 'Calls that have not ended.' },
  call_duration_seconds: {
    kind: 'histogram',
    labels: ['direction'],
    help: 'Length of answered calls.',
  },
  messages_total: {
    kind: 'counter',
    labels: ['channel', 'status'],
    help: 'Messages that reached a status, by channel.',
  },
  websocket_connections: { kind: 'gauge', labels: ['service'], help: 'Sockets open now.' },
  queue_messages_total: {
    kind: 'counter',
    labels: ['queue', 'outcome'],
    help: 'Queue messages sent and consumed.',
  },
  queue_dead_letters_total: {
    kind: 'counter',
    labels: ['queue'],
    help: 'Messages no consumer could take.',
  },
  sign_ins_total: { kind: 'counter', labels: ['result'], help: 'Sign-ins, by result.' },
  notifications_total: {
    kind: 'counter',
    labels: ['channel', 'status'],
    help: 'Notifications that a channel took or gave up, by channel.',
  },
  notification_delivery_seconds: {
    kind: 'histogram',
    labels: ['channel'],
    help: 'From the time a notification was due to the provider taking it.',
  },
  devices_online: { kind: 'gauge', labels: [], help: 'Devices online now.' },
  build_info: {
    kind: 'gauge',
    labels: ['version'],
    help: 'Always 1; the label tells the version.',
  },
} as const satisfies Record<
  string,
  { kind: 'counter' | 'gauge' | 'histogram'; labels: readonly string[]; help: string }
>

export type SeriesName = keyof typeof series

/** Upper bounds of histogram buckets, in seconds. */
export const durationBuckets = {
  http_request_duration_seconds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  notification_delivery_seconds: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600],
  call_duration_seconds: [5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600],
} as const

/** A change that rides in a log line: added to a counter or gauge, or observed by a histogram. */
export interface MetricSample {
  name: SeriesName
  labels: Record<string, string>
  value: number
}
