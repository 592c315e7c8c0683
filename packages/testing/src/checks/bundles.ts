import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { WorkerSource } from '../launcher/worker-config.ts'
import { wranglerScript } from '../paths.ts'
import { capture } from './capture.ts'
import type { SourceFile } from './source-file.ts'

export interface Bundle {
  role: string
  /** What was built; empty when it failed. */
  files: SourceFile[]
  /** Compressed together, as the platform counts them. */
  gzippedBytes: number
  /** The reason when it failed. */
  error: string | undefined
}

/** Builds one Worker as a deploy would, into dist/{role}, without an account or a network. */
export async function bundle(root: string, { role, configPath }: WorkerSource): Promise<Bundle> {
  const folder = join(root, 'dist', role)
  rmSync(folder, { recursive: true, force: true })
  const { code, output } = await capture(
    process.execPath,
    [wranglerScript, 'deploy', '--dry-run', '--outdir', folder, '-c', configPath],
    {
      cwd: root,
      env: { ...process.env, CI: 'true', FORCE_COLOR: '0', WRANGLER_WRITE_LOGS: 'false' },
    },
  )
  if (code !== 0) return { role, files: [], gzippedBytes: 0, error: lastError(output) }
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(js|mjs|sql|wasm|txt|html)$/.test(name))
    .map((name) => ({
      path: `dist/${role}/${name}`,
      bytes: readFileSync(join(folder, name)),
    }))
  return {
    role,
    files: files.map(({ path, bytes }) => ({ path, text: bytes.toString('utf8') })),
    gzippedBytes: gzipSync(Buffer.concat(files.map(({ bytes }) => bytes))).length,
    error: undefined,
  }
}

/** One row per Worker. */
export function sizeTable(bundles: readonly Bundle[]): string {
  const rows = bundles.map(({ role, gzippedBytes, error }) => {
    const size = error === undefined ? `${(gzippedBytes / 1024).toFixed(1)} KiB` : 'failed'
    return `    ${role.padEnd(16)} ${size.padStart(12)}`
  })
  return [`    ${'Worker'.padEnd(16)} ${'gzipped'.padStart(12)}`, ...rows].join('\n')
}

function lastError(output: string): string {
  const lines = output.split('\n').map((line) => line.trim())
  const errors = lines.filter((line) => /error/i.test(line))
  return (errors.length > 0 ? errors : lines.filter(Boolean).slice(-5)).slice(0, 8).join('\n      ')
}
