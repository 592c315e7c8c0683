import type { ServiceTokenClaims } from '@menagerie/contracts'
import { services } from '@menagerie/contracts/routes'

/** How long a Worker's token for another one lasts. */
export const SERVICE_TOKEN_SECONDS = 300

/** Receivers of service tokens: the Workers that answer HTTP. */
const known: readonly string[] = services

/**
 * The claims of a token that one Worker shows another.
 *
 * @param caller the Worker's name as its binding's `props` say
 * @throws Error for a caller or a receiver that is no service of ours: a mistake in a configuration
 */
export function serviceTokenClaims(
  caller: string | undefined,
  audience: string,
  issuer: string,
  jti: string,
  now: number,
): ServiceTokenClaims {
  if (caller === undefined || !known.includes(caller))
    throw new Error('The binding of SERVICE_TOKENS has no props.service that is a service')
  if (!known.includes(audience)) throw new Error(`${audience} is no service`)
  const iat = Math.floor(now / 1000)
  return {
    exp: iat + SERVICE_TOKEN_SECONDS,
    iat,
    jti,
    iss: issuer,
    sub: caller,
    typ: 'Service',
    azp: caller,
    aud: audience,
  }
}
