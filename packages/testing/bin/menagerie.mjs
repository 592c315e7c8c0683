#!/usr/bin/env node
// What `npm start`, `npm test` and their kin call. Runs on Node 18 and newer with nothing installed: brings the
// dependencies, picks a Node that is new enough and hands over to src/cli/<command>.ts.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureDependencies } from './bootstrap/dependencies.mjs'
import { fail } from './bootstrap/fail.mjs'
import { handOver } from './bootstrap/hand-over.mjs'
import { atLeast, chooseNode } from './bootstrap/node-version.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '..', '..', '..')
const [command = 'start', ...rest] = process.argv.slice(2)
const entry = join(here, '..', 'src', 'cli', `${command}.ts`)

if (!atLeast(process.versions.node, '18.0.0')) {
  fail(
    `Node 18 or newer is needed to begin, this is ${process.versions.node}: see https://nodejs.org`,
  )
}
if (!/^[a-z-]+$/.test(command) || !existsSync(entry)) {
  fail(
    `There is no command "${command}": try start, test, check, build, fix, reset, compodoc, bench, lab, proof or verify`,
  )
}
await ensureDependencies(root)
handOver({ root, node: chooseNode(root), entry, args: rest })
