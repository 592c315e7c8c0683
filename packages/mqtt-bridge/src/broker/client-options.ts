import type { IClientOptions } from 'mqtt'
import type { BridgeSettings } from '../settings.ts'

/** What every connection to the broker needs, whoever signs in. A server that cannot be verified is not spoken to. */
export const addressOf = ({ url, protocolVersion, tls }: BridgeSettings['mqtt']) => ({
  url,
  options: { protocolVersion, ...tls, rejectUnauthorized: true } satisfies IClientOptions,
})

export const CONNECT_TIMEOUT_MS = 10_000
