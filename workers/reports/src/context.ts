import { type AppEnv, type CommonSettings, commonSettings } from '@menagerie/core'

/** What the Worker is given: settings and bindings. */
export interface Env extends CommonSettings {
  ACCOUNTS: Fetcher
  DB: D1Database
}

/** Reads the settings, checked once for each env. */
export const settingsOf = commonSettings

export interface App extends AppEnv {
  Bindings: Env
}
