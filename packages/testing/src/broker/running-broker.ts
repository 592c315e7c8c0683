/** Passwords of the clients that are no devices. */
export interface BrokerPasswords {
  bridge: string
  publisher: string
  admin: string
}

/** A broker of the local system, started by us and gone with us. */
export interface RunningBroker {
  kind: 'mosquitto' | 'aedes'
  url: string
  /** For the bridge, past what only devices must be kept from. */
  bridgeUrl: string
  port: number
  protocolVersion: 5 | 4
  /** Whether the edge tells the broker about devices, by the bridge, or the broker asks the edge. */
  access: 'tell' | 'ask'
  bridge: { username: string; password: string }
  /** By which the bridge sends to devices; where there is none it does so as itself. */
  publisher?: { username: string; password: string }
  /** May change who is let in; where the broker asks there is none. */
  admin?: { username: string; password: string }
  /** Of the process group. */
  readonly pid: number
  /** SIGKILL. */
  kill(): Promise<void>
  /** Again, after `kill`, with the same data and at the same port. */
  start(): Promise<void>
  /** In peace. */
  stop(): Promise<void>
}
