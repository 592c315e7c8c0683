import { freePort, isPortFree } from '../free-port.ts'
import type { Secrets } from './secrets.ts'

export interface RunningLab {
  url: string
  stop(): Promise<void>
}

export interface LabOptions {
  dataDir: string
  /** Taken when it is free, so that a person finds the lab at the same place again. */
  preferredPort: number
  gatewayUrl: string
  secrets: Secrets
}

/** Starts the lab, which plays the carrier, inside this process. */
export async function startLabBeside(options: LabOptions): Promise<RunningLab> {
  const { startLab } = await import('@menagerie/lab')
  const port = (await isPortFree(options.preferredPort)) ? options.preferredPort : await freePort()
  return startLab({
    port,
    dataDir: options.dataDir,
    gatewayUrl: options.gatewayUrl,
    accountSid: options.secrets.CARRIER_ACCOUNT_SID ?? '',
    authToken: options.secrets.CARRIER_AUTH_TOKEN ?? '',
  })
}
