/** What `npm start` reads from its environment. */
export interface Settings {
  port: number
  dataDir: string
}

export type SettingsResult = { ok: true; settings: Settings } | { ok: false; reason: string }

/** Reads `PORT` (8787 unless set) and `DATA_DIR` (`.data`); the reason is one line that says what to do. */
export function readSettings(env: Readonly<Record<string, string | undefined>>): SettingsResult {
  const port = env.PORT || '8787'
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    return { ok: false, reason: `PORT must be a number from 1 to 65535, not "${port}"` }
  }
  const publicUrl = env.PUBLIC_URL
  if (publicUrl && !(URL.canParse(publicUrl) && /^https?:\/\/[^/]+$/.test(publicUrl))) {
    return {
      ok: false,
      reason: `PUBLIC_URL must be an origin such as https://menagerie.example, not "${publicUrl}"`,
    }
  }
  return { ok: true, settings: { port: Number(port), dataDir: env.DATA_DIR || '.data' } }
}
