import { randomUUID, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { type LogLevel, logLevels } from '@menagerie/core/logger'
import { z } from 'zod'

/** What the bridge needs to know; `README.md` has the table. */
export interface BridgeSettings {
  mqtt: {
    /** `mqtt://` or `mqtts://` */
    url: string
    protocolVersion: 4 | 5
    username: string
    password: string
    clientId: string
    keepaliveSeconds: number
    /** PEM, for `mqtts://`: who vouches for the broker, where that is not a public authority, and who the bridge is. */
    tls?: { ca?: string; cert?: string; key?: string }
  }
  /** Sends to devices by a connection of its own; without it the session's has to do. Never the session's user. */
  publisher?: { username: string; password: string }
  /** May change Mosquitto's dynamic security; absent where the broker asks the edge itself. */
  admin?: { username: string; password: string }
  /** Without a slash at its end. */
  edgeUrl: string
  realm: string
  client: { id: string; secret: string }
  /** The `BridgeLink` that leads back to this broker. */
  link: string
  /** Names this process at the link; no two that run may have the same. */
  instance: string
  metrics: { host: string; port: number }
  /** Shown to the gateway's `/metrics`; without it the page has the bridge's own series only. */
  scrapeToken?: string
  /** Messages in one request at most. */
  batchSize: number
  /** Requests under way at most. */
  batchesInFlight: number
  /** Messages taken from the broker and not yet acknowledged to it at most. */
  maxInFlight: number
  logLevel: LogLevel
}

/** Says in one line which settings are missing or wrong. Values are not shown: some are secrets. */
export class SettingsError extends Error {
  override name = 'SettingsError'
}

const urlOf = (...protocols: string[]) =>
  z
    .string({ error: 'is missing' })
    .refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
      error: `must be a URL that begins with ${protocols.map((name) => `${name}//`).join(' or ')}`,
    })

const text = z.string({ error: 'is missing' }).min(1, { error: 'is empty' })

const pemFile = text.transform((path, context) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    context.issues.push({
      code: 'custom',
      message: 'names a file that cannot be read',
      input: path,
    })
    return z.NEVER
  }
})

const count = (least: number, most: number, otherwise: number) =>
  z
    .string()
    .default(String(otherwise))
    .refine((value) => /^\d+$/.test(value) && Number(value) >= least && Number(value) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .transform(Number)

const Environment = z
  .object({
    MQTT_URL: urlOf('mqtt:', 'mqtts:'),
    MQTT_PROTOCOL_VERSION: z.enum(['5', '4'], { error: 'must be 5 or 4' }).default('5'),
    MQTT_USERNAME: text,
    MQTT_PASSWORD: text,
    MQTT_CLIENT_ID: text.default('menagerie-bridge'),
    MQTT_KEEPALIVE_SECONDS: count(2, 600, 30),
    MQTT_CA_FILE: pemFile.optional(),
    MQTT_CERT_FILE: pemFile.optional(),
    MQTT_KEY_FILE: pemFile.optional(),
    MQTT_PUBLISHER_USERNAME: text.optional(),
    MQTT_PUBLISHER_PASSWORD: text.optional(),
    MQTT_ADMIN_USERNAME: text.optional(),
    MQTT_ADMIN_PASSWORD: text.optional(),
    EDGE_URL: urlOf('http:', 'https:'),
    REALM: text.regex(/^[a-z0-9-]+$/, { error: 'must be lower-case letters, digits and hyphens' }),
    CLIENT_ID: text.default('bridge'),
    CLIENT_SECRET: text,
    LINK: text
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be letters, digits, _ and -' })
      .default('default'),
    INSTANCE: text
      .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be letters, digits, _ and -' })
      .optional(),
    METRICS_HOST: text.default('127.0.0.1'),
    METRICS_PORT: count(0, 65_535, 9090),
    SCRAPE_TOKEN: text.optional(),
    BATCH_SIZE: count(1, 100, 100),
    BATCHES_IN_FLIGHT: count(1, 16, 2),
    MAX_IN_FLIGHT: count(1, 65_535, 1000),
    LOG_LEVEL: z
      .enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
      .default('info'),
  })
  .refine((env) => !env.MQTT_PUBLISHER_USERNAME === !env.MQTT_PUBLISHER_PASSWORD, {
    path: ['MQTT_PUBLISHER_PASSWORD'],
    error: 'and MQTT_PUBLISHER_USERNAME must be set together',
  })
  .refine(
    // A broker that gives a user one client id would end the session, and what it holds.
    ({ MQTT_PUBLISHER_USERNAME: publisher, MQTT_USERNAME, MQTT_ADMIN_USERNAME }) =>
      publisher === undefined || ![MQTT_USERNAME, MQTT_ADMIN_USERNAME].includes(publisher),
    {
      path: ['MQTT_PUBLISHER_USERNAME'],
      error: 'must be another user than MQTT_USERNAME and MQTT_ADMIN_USERNAME',
    },
  )
  .refine((env) => !env.MQTT_ADMIN_USERNAME === !env.MQTT_ADMIN_PASSWORD, {
    path: ['MQTT_ADMIN_PASSWORD'],
    error: 'and MQTT_ADMIN_USERNAME must be set together',
  })
  .refine((env) => !env.MQTT_CERT_FILE === !env.MQTT_KEY_FILE, {
    path: ['MQTT_KEY_FILE'],
    error: 'and MQTT_CERT_FILE must be set together',
  })
  .refine(
    // A password must not go out in the clear because somebody forgot one letter.
    ({ MQTT_URL, MQTT_CA_FILE, MQTT_CERT_FILE }) =>
      MQTT_URL.startsWith('mqtts:') || !(MQTT_CA_FILE || MQTT_CERT_FILE),
    {
      path: ['MQTT_URL'],
      error: 'must begin with mqtts:// where MQTT_CA_FILE or MQTT_CERT_FILE is set',
    },
  )
  // Node takes an authority that is none without a word, and throws for the others only as it connects.
  .refine(({ MQTT_CA_FILE: ca }) => ca === undefined || works(() => new X509Certificate(ca)), {
    path: ['MQTT_CA_FILE'],
    error: 'holds no certificate in PEM',
  })
  .refine(
    ({ MQTT_CERT_FILE: cert, MQTT_KEY_FILE: key }) =>
      cert === undefined || key === undefined || works(() => createSecureContext({ cert, key })),
    {
      path: ['MQTT_CERT_FILE'],
      error: 'and MQTT_KEY_FILE are not a certificate and its key in PEM',
    },
  )

function works(work: () => unknown): boolean {
  try {
    work()
    return true
  } catch {
    return false
  }
}

/**
 * Reads the settings from environment variables. A variable that is set but empty counts as left out, as in
 * `MQTT_ADMIN_USERNAME=`.
 *
 * @throws SettingsError that names every missing or wrong one in one line
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>) {
  const given = Object.entries(environment).filter(([, value]) => value !== '')
  const { data: env, error } = Environment.safeParse(Object.fromEntries(given))
  if (error !== undefined) {
    throw new SettingsError(
      error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; '),
    )
  }
  const settings: BridgeSettings = {
    mqtt: {
      url: env.MQTT_URL,
      protocolVersion: env.MQTT_PROTOCOL_VERSION === '5' ? 5 : 4,
      username: env.MQTT_USERNAME,
      password: env.MQTT_PASSWORD,
      clientId: env.MQTT_CLIENT_ID,
      keepaliveSeconds: env.MQTT_KEEPALIVE_SECONDS,
    },
    edgeUrl: env.EDGE_URL.replace(/\/+$/, ''),
    realm: env.REALM,
    client: { id: env.CLIENT_ID, secret: env.CLIENT_SECRET },
    link: env.LINK,
    instance: env.INSTANCE ?? randomUUID(),
    metrics: { host: env.METRICS_HOST, port: env.METRICS_PORT },
    batchSize: env.BATCH_SIZE,
    batchesInFlight: env.BATCHES_IN_FLIGHT,
    maxInFlight: env.MAX_IN_FLIGHT,
    logLevel: env.LOG_LEVEL,
  }
  if (env.MQTT_URL.startsWith('mqtts:')) {
    settings.mqtt.tls = {
      ...(env.MQTT_CA_FILE === undefined ? {} : { ca: env.MQTT_CA_FILE }),
      ...(env.MQTT_CERT_FILE === undefined ? {} : { cert: env.MQTT_CERT_FILE }),
      ...(env.MQTT_KEY_FILE === undefined ? {} : { key: env.MQTT_KEY_FILE }),
    }
  }
  if (env.MQTT_PUBLISHER_USERNAME !== undefined && env.MQTT_PUBLISHER_PASSWORD !== undefined) {
    settings.publisher = {
      username: env.MQTT_PUBLISHER_USERNAME,
      password: env.MQTT_PUBLISHER_PASSWORD,
    }
  }
  if (env.MQTT_ADMIN_USERNAME !== undefined && env.MQTT_ADMIN_PASSWORD !== undefined) {
    settings.admin = { username: env.MQTT_ADMIN_USERNAME, password: env.MQTT_ADMIN_PASSWORD }
  }
  if (env.SCRAPE_TOKEN !== undefined) settings.scrapeToken = env.SCRAPE_TOKEN
  return settings
}
