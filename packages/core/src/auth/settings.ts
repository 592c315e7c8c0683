import { serviceClients } from '@menagerie/contracts'
import { z } from 'zod'
import { systemClock } from '../clock.ts'
import { envValidator } from '../env.ts'
import { type KeySource, remoteKeys } from './key-source.ts'
import { TokenVerifier } from './verifier.ts'

/** Settings that every Worker has. */
export const CommonSettings = z.object({
  ENVIRONMENT: z.enum(['production', 'staging', 'development', 'test']),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }),
  REALM: z.string().regex(/^[a-z0-9-]{1,64}$/),
  /** The client that people sign in with; never one that acts for itself. */
  CLIENT_ID: z
    .string()
    .min(1)
    .max(64)
    .refine((id) => !Object.hasOwn(serviceClients, id), 'is a client that acts for itself'),
  BOOT_ID: z.string().min(1).default('unset'),
  CLOCK_OFFSET_MS: z
    .string()
    .regex(/^-?\d+$/)
    .optional(),
  /** `warn` and `error` leave out the lines of requests that went well, and `http_requests_total` is counted from those. */
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).optional(),
})
export type CommonSettings = z.infer<typeof CommonSettings>

/** Reads the common settings of an env, checked once. */
export const commonSettings = envValidator(CommonSettings)

/** The issuer of this deployment's tokens: made from `PUBLIC_URL`, never from a request's `Host`. */
export const issuerOf = (settings: Pick<CommonSettings, 'PUBLIC_URL' | 'REALM'>): string =>
  `${settings.PUBLIC_URL.replace(/\/$/, '')}/auth/realms/${settings.REALM}`

/** The clock of a Worker: the system's, shifted where a test says so. */
export const clockOf = (env: object) =>
  systemClock((env as { CLOCK_OFFSET_MS?: string }).CLOCK_OFFSET_MS)

/**
 * The verifier of a Worker, made once for each env object, so that its caches live as long as the isolate.
 *
 * @param service the Worker's own name: what a service token's `aud` must be; the gateway gives `undefined` and so
 *   refuses service tokens from outside
 * @param keys where the keys come from; the accounts binding `ACCOUNTS` unless given
 */
export function verifierFor(
  service: string | undefined,
  keys?: (env: object) => KeySource,
): (env: object) => TokenVerifier {
  const made = new WeakMap<object, TokenVerifier>()
  return (env) => {
    const known = made.get(env)
    if (known) return known
    const settings = commonSettings(env)
    const issuer = issuerOf(settings)
    const clock = clockOf(env)
    const verifier = new TokenVerifier({
      issuer,
      clientIds: [settings.CLIENT_ID],
      ...(service === undefined ? {} : { audience: service }),
      keys: keys
        ? keys(env)
        : remoteKeys((env as { ACCOUNTS: Fetcher }).ACCOUNTS, () => clock.now()),
      now: () => clock.now(),
    })
    made.set(env, verifier)
    return verifier
  }
}
