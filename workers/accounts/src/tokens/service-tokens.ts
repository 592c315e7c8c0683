import { WorkerEntrypoint } from 'cloudflare:workers'
import { clockOf, issuerOf, newId } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { signingKeysOf } from '../deployment.ts'
import { signToken } from './access-token.ts'
import { serviceTokenClaims } from './service-token.ts'

/** Service tokens for the other Workers, over their bindings. The binding says who calls; nobody can say it for them. */
export class ServiceTokens extends WorkerEntrypoint<Env, { service?: string }> {
  /**
   * A token for one receiver, of five minutes.
   *
   * @returns the token, and when it ends in milliseconds since the epoch
   */
  async mint(audience: string): Promise<{ token: string; expiresAt: number }> {
    const now = clockOf(this.env).now()
    const claims = serviceTokenClaims(
      this.ctx.props.service,
      audience,
      issuerOf(settingsOf(this.env)),
      newId(),
      now,
    )
    const token = await signToken(claims, await signingKeysOf(this.env).current())
    return { token, expiresAt: claims.exp * 1000 }
  }
}
