import { bridgeSeries } from '@menagerie/contracts'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

const LAG_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

/** The bridge's own series. */
export interface BridgeMetrics {
  registry: Registry
  /** `direction` up or down, `qos` */
  messages: Counter<'direction' | 'qos'>
  lag: Histogram
  /** `result` as the edge told it */
  results: Counter<'result'>
  edgeFailures: Counter
  refused: Counter
  sessionsLost: Counter
  /** `reason` of a connection that the bridge ended itself */
  disconnects: Counter<'reason'>
  publishesRefused: Counter
  expired: Counter
  recorded: Counter
  acksPublished: Counter
}

/**
 * @param look what gauges show when the page is read
 */
export function createMetrics(look: {
  inFlight(): number
  troubled(): number
  ready(): boolean
  active(): boolean
}): BridgeMetrics {
  const registry = new Registry()
  const registers = [registry]
  const counter = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Counter<L>({ name, help, labelNames, registers })
  const gauge = (name: string, help: string, value: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  const { mqtt_messages_total, mqtt_bridge_inflight, mqtt_bridge_lag_seconds } = bridgeSeries
  gauge('mqtt_bridge_inflight', mqtt_bridge_inflight.help, look.inFlight)
  gauge(
    'mqtt_bridge_ready',
    '1 while broker, edge and downlink stand, or while it stands by for another bridge.',
    () => (look.ready() ? 1 : 0),
  )
  gauge('mqtt_bridge_active', '1 while this bridge has the link, 0 while it stands by.', () =>
    look.active() ? 1 : 0,
  )
  gauge(
    'mqtt_bridge_devices_in_trouble',
    'Devices whose twins take no messages while the edge answers, held ones among them.',
    look.troubled,
  )
  gauge('mqtt_bridge_resident_memory_bytes', 'Memory of the process.', () =>
    process.memoryUsage.rss(),
  )
  return {
    registry,
    messages: counter('mqtt_messages_total', mqtt_messages_total.help, 'direction', 'qos'),
    lag: new Histogram({
      name: 'mqtt_bridge_lag_seconds',
      help: mqtt_bridge_lag_seconds.help,
      buckets: LAG_BUCKETS,
      registers,
    }),
    results: counter('mqtt_bridge_results_total', 'Messages the edge answered for.', 'result'),
    edgeFailures: counter('mqtt_bridge_edge_failures_total', 'Batches the edge did not store.'),
    refused: counter(
      'mqtt_bridge_refused_total',
      'Times the edge refused a single message outright: a fault of the bridge or the edge.',
    ),
    sessionsLost: counter(
      'mqtt_bridge_session_lost_total',
      'Reconnects at which the broker had forgotten the session and what it held.',
    ),
    disconnects: counter(
      'mqtt_bridge_disconnects_total',
      'Connections to the broker that the bridge ended on purpose.',
      'reason',
    ),
    publishesRefused: counter(
      'mqtt_bridge_publishes_refused_total',
      'Messages to devices that the broker refused.',
    ),
    expired: counter(
      'mqtt_bridge_expired_total',
      'Messages to devices that were not published, since their time was over.',
    ),
    recorded: counter(
      'mqtt_bridge_poison_total',
      'Messages that the edge refused outright and has as a dead letter now.',
    ),
    acksPublished: counter('mqtt_bridge_acks_total', 'Acknowledgements published to devices.'),
  }
}
