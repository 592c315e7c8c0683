import { type AppEnv, CommonSettings, envValidator } from '@menagerie/core'
import { z } from 'zod'

const Settings = CommonSettings.extend({
  /** Signs the cursors of lists. */
  CURSOR_KEY: z.string().min(16),
})

/** What the Worker is given: settings and bindings. */
export interface Env extends z.infer<typeof Settings> {
  ACCOUNTS: Fetcher
  DB: D1Database
}

export const settings = envValidator(Settings)

export interface App extends AppEnv {
  Bindings: Env
}
