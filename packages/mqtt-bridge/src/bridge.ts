import type { BridgeDownFrame } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { AckPublisher } from './ack-publisher.ts'
import { BrokerConnection } from './broker/broker-connection.ts'
import { Provisioner } from './broker/provisioner.ts'
import { Publisher } from './broker/publisher.ts'
import { EdgeSocket } from './downlink/edge-socket.ts'
import { Outgoing } from './downlink/outgoing.ts'
import { Edge } from './edge/edge.ts'
import { GatewayPage } from './metrics/gateway-page.ts'
import { joinPages } from './metrics/join-pages.ts'
import { createMetrics } from './metrics/metrics.ts'
import { isReady, type Readiness, STANDING_BY, startMetricsServer } from './metrics/server.ts'
import type { BridgeSettings } from './settings.ts'
import { judge } from './supervise.ts'
import { Uplink } from './uplink.ts'

const SUPERVISE_MS = 1_000
/** Of the 5 s that a drain may take, for what was taken from the broker; the rest is for the goodbyes. */
const DRAIN_MS = 3_000
/** With an edge that failed already there is little to wait for. */
const HOPELESS_DRAIN_MS = 500
const GOODBYE_MS = 1_000
/** A twin that fails for a moment is no reason to be looked at. */
const BLOCKED_MS = 5_000

export interface RunningBridge {
  /** Serves `/metrics`, `/health/live` and `/health/ready`. */
  metricsUrl: string
  /** Takes nothing more, stores and acknowledges what it has, and ends within 5 s. What is left stays with the broker. */
  stop(): Promise<void>
}

/**
 * Starts the way between a broker and the edge, in both directions. It runs whatever is away: `/health/ready` tells.
 *
 * @throws Error when the port for metrics is taken
 */
export async function startBridge(
  settings: BridgeSettings,
  { logger }: { logger: Logger },
): Promise<RunningBridge> {
  const readiness = (): Readiness => ({
    broker: brokerState(),
    edge: edgeState(),
    downlink: socket.isOpen ? 'up' : 'closed',
  })
  const brokerState = () => {
    const { state } = broker
    if (role === 'standby') return STANDING_BY
    if (state.name === 'parked') return `parked: ${state.reason}`
    return broker.isUp ? speaker.state.name : state.name
  }
  const edgeState = () => {
    const { failingSince, blocking } = uplink.status
    if (failingSince !== undefined || !edgeAnswers) return 'failing'
    const isBlocked = blocking !== undefined && Date.now() - blocking.since > BLOCKED_MS
    return isBlocked ? 'held up by the twin of one device' : 'up'
  }
  const metrics = createMetrics({
    inFlight: () => uplink.status.inFlight,
    troubled: () => uplink.status.troubled,
    ready: () => isReady(readiness()),
    active: () => role === 'active',
  })
  let edgeAnswers = true
  /** As the edge told it last. Who does not have the link stays away from the broker. */
  let role: 'unknown' | 'active' | 'standby' = 'unknown'
  const holdsLink = () => role === 'active' && socket.isSure
  const edge = new Edge(settings)
  const devicesAreThere = () => {
    acks.schedule()
    outgoing.resume()
  }
  const broker: BrokerConnection = new BrokerConnection({
    settings,
    receive: (packet, handled) => uplink.receive(packet, handled),
    onUp: () => {
      if (publisher === undefined) devicesAreThere()
    },
    onDown: () => uplink.disconnected(),
    mayReturn: holdsLink,
    metrics,
    logger,
  })
  const publisher =
    settings.publisher &&
    new Publisher(
      { settings, onUp: devicesAreThere, mayReturn: holdsLink, metrics, logger },
      settings.publisher,
    )
  const speaker = publisher ?? broker
  const link = {
    isUp: () => speaker.isUp,
    publish: speaker.publish.bind(speaker),
    metrics,
    logger,
  }
  const acks = new AckPublisher(link)
  const uplink = new Uplink({
    ...settings,
    post: (batch, hold, signal) => edge.post(batch, hold, signal),
    puback: (messageId) => broker.puback(messageId),
    onAcks: (fresh) => acks.note(fresh),
    metrics,
    logger,
  })
  const provisioner = new Provisioner({ settings, mayReturn: holdsLink, metrics, logger })
  const outgoing: Outgoing = new Outgoing({ ...link, confirm: (id) => socket.confirm(id) })
  const become = (next: 'active' | 'standby') => {
    if (next === 'standby' && role !== 'standby')
      logger.info('standing by: another bridge has the link')
    role = next
    if (next === 'active') {
      if (broker.state.name === 'parked') uplink.edgeAnswered()
      broker.start()
      publisher?.start()
      provisioner.start()
    } else {
      broker.park(STANDING_BY)
      publisher?.park(STANDING_BY)
      provisioner.park(STANDING_BY)
      outgoing.forget()
    }
  }
  const onFrame = (frame: BridgeDownFrame) => {
    switch (frame.type) {
      case 'welcome':
        outgoing.begin()
        if (frame.data.active) become('active')
        else become('standby')
        return
      case 'activated':
        logger.warn('the other bridge is gone: this one has the link now')
        broker.expectSession()
        become('active')
        return
      case 'publish':
        outgoing.take(frame.data.messages)
        return
      case 'credentials.set': {
        const { deviceId, username, password } = frame.data
        void provisioner.set(deviceId, username, password).then((result) => {
          socket.send({ type: 'credentials.done', id: frame.id, data: result })
        })
      }
    }
  }
  const socket = new EdgeSocket({ ...settings, tokens: edge.tokens, onFrame, logger })
  const gatewayPage = new GatewayPage(settings, logger)
  const server = await startMetricsServer({
    ...settings.metrics,
    contentType: metrics.registry.contentType,
    page: async () => joinPages(await metrics.registry.metrics(), await gatewayPage.read()),
    readiness,
  })

  let probing = false
  const supervise = async () => {
    if (holdsLink()) {
      if (publisher?.state.name === 'parked') publisher.start()
      if (provisioner.isParked) provisioner.start()
    }
    if (probing) return
    const { failingSince, progressAt, inFlight, blocking } = uplink.status
    const parked = broker.state.name === 'parked'
    if (parked || (failingSince === undefined && !socket.isOpen)) {
      if (role !== 'active' && socket.isOpen) {
        edgeAnswers = true
        return
      }
      probing = true
      edgeAnswers = await edge.answers()
      probing = false
      if (edgeAnswers && holdsLink() && broker.state.name === 'parked') {
        uplink.edgeAnswered()
        broker.start()
      }
      return
    }
    edgeAnswers = true
    const verdict = judge({
      now: Date.now(),
      connected: broker.isUp,
      parked,
      inFlight,
      failingSince,
      progressAt,
      isBlocked: blocking !== undefined,
      keepaliveMs: settings.mqtt.keepaliveSeconds * 1000,
    })
    if (verdict.do === 'nothing') return
    logger.warn('leaving the broker on purpose', { verdict: verdict.do, inFlight })
    if (verdict.do === 'park') broker.park('edge away')
    else broker.reconnect('no progress')
  }
  const timer = setInterval(() => void supervise(), SUPERVISE_MS)

  socket.start()
  logger.info('the bridge has started', { metricsUrl: server.url, link: settings.link })

  const stop = async () => {
    clearInterval(timer)
    await uplink.drain(uplink.status.failingSince === undefined ? DRAIN_MS : HOPELESS_DRAIN_MS)
    await withinMs(acks.flush(), GOODBYE_MS)
    socket.stop()
    const goodbyes = [broker, publisher].map((client) => client?.stop(GOODBYE_MS))
    await Promise.all([...goodbyes, provisioner.stop(GOODBYE_MS), server.close()])
    logger.info('the bridge has stopped', { left: uplink.status.inFlight })
  }
  let stopping: Promise<void> | undefined
  return {
    metricsUrl: server.url,
    stop: () => {
      stopping ??= stop()
      return stopping
    },
  }
}

async function withinMs(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
