import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from './fail.mjs'
import { endWithParent } from './parent.mjs'

/**
 * Installs the dependencies unless the last installation was made from the very same manifests and lockfile.
 * Silent but for one line; ends the program with one line when it fails.
 *
 * @param {string} root the repository
 */
export async function ensureDependencies(root) {
  const stamp = join(root, 'node_modules', '.menagerie-installed')
  const wanted = fingerprint(root)
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return

  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  process.stderr.write('installing the dependencies …\n')
  const { code, output, missing } = await run(root, 'npx', [
    '--yes',
    packageManager,
    'install',
    '--frozen-lockfile',
    '--reporter=append-only',
  ])
  if (missing) fail('npx was not found: install npm, which comes with Node (https://nodejs.org)')
  if (code !== 0) fail(`Installing the dependencies failed: ${reason(output, packageManager)}`)
  writeFileSync(stamp, wanted)
}

/**
 * Changes whenever another installation is needed.
 *
 * @param {string} root
 */
function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform} ${process.arch}`)
  for (const file of manifests(root)) {
    hash.update(`\n${file}\n`)
    if (existsSync(join(root, file))) hash.update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/** @param {string} root */
function manifests(root) {
  const inside = ['workers', 'packages'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .sort()
      .map((name) => `${folder}/${name}/package.json`),
  )
  return [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    'durable-objects/package.json',
    ...inside,
  ]
}

/**
 * @param {string} cwd
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<{code: number, output: string, missing: boolean}>}
 */
function run(cwd, program, args) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(program, args, {
      cwd,
      // Without `CI`, pnpm would ask before it replaces a foreign node_modules.
      env: { ...process.env, CI: 'true' },
      shell: process.platform === 'win32',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const release = endWithParent(() => child.kill('SIGTERM'))
    const collect = (chunk) => {
      output += chunk
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (error) => {
      release()
      resolve({ code: 1, output: error.message, missing: error.code === 'ENOENT' })
    })
    child.on('close', (code) => {
      release()
      resolve({ code: code ?? 1, output, missing: code === 127 })
    })
  })
}

/**
 * The line of the package manager's output that says why.
 *
 * @param {string} output
 * @param {string} packageManager
 */
function reason(output, packageManager) {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  if (lines.some((line) => line.includes('OUTDATED_LOCKFILE'))) {
    return `pnpm-lock.yaml does not fit the package.json files, run \`npx ${packageManager} install\``
  }
  const said =
    lines.find((line) => /ERR_|\berror\b/i.test(line)) ?? lines.at(-1) ?? 'no reason was given'
  return `${said.slice(0, 300)} (is the npm registry reachable?)`
}
