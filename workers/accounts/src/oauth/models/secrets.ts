import { secretsEqual, sha256Hex } from '@menagerie/core'
import type { Provider } from 'oidc-provider'

/** Secrets of clients are kept as SHA-256, which stands where the engine expects the secret; compared in constant time. */
export function overrideSecrets(provider: Provider): void {
  const { prototype } = provider.Client as unknown as {
    prototype: { clientSecret?: string; compareClientSecret: (actual: string) => Promise<boolean> }
  }
  prototype.compareClientSecret = async function (this: { clientSecret?: string }, actual) {
    return secretsEqual(await sha256Hex(actual), this.clientSecret ?? '')
  }
}
