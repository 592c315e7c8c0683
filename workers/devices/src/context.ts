import type { AppEnv, CommonSettings } from '@menagerie/core'

/** What the Worker is given: settings and bindings. */
export interface Env extends CommonSettings {
  ACCOUNTS: Fetcher
}

export interface App extends AppEnv {
  Bindings: Env
}
