import { posix } from 'node:path'
import type { Problem, SourceFile } from './source-file.ts'

/** Which of our packages a package may use: contracts ← core ← durable-objects ← workers; clients see contracts. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'packages/contracts': [],
  'packages/core': ['contracts'],
  'durable-objects': ['contracts', 'core'],
  'packages/client': ['contracts'],
  'packages/console': ['contracts', 'client'],
  // Its simulated people and devices are clients like any other.
  'packages/lab': ['contracts', 'core', 'client'],
  'packages/mqtt-bridge': ['contracts', 'core', 'client'],
}
const WORKERS = ['contracts', 'core', 'durable-objects']
/** A Worker's tests may talk to the fake carrier; what is deployed may not. */
const WORKER_TESTS = [...WORKERS, 'lab']
/** They hold the whole product in their hands. */
const UNBOUND = ['packages/testing', 'packages/bench']

const IMPORT = /(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+|\bimport\()['"]([^'"\n]+)['"]/gm

/** Finds imports and manifest entries that point against the direction, and relative imports that leave a package. */
export function checkImportDirection(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => {
    const home = homeOf(file.path)
    if (home === undefined) return []
    if (file.path === `${home}/package.json`) return manifestProblems(file, home)
    return /\.(ts|tsx|mts|js|mjs)$/.test(file.path) ? sourceProblems(file, home) : []
  })
}

function sourceProblems({ path, text }: SourceFile, home: string): Problem[] {
  return [...text.matchAll(IMPORT)].flatMap(([, specifier = '']) => {
    if (specifier.startsWith('.')) {
      const target = posix.join(posix.dirname(path), specifier)
      return target.startsWith(`${home}/`) ? [] : [`${path}: "${specifier}" leaves ${home}`]
    }
    return refused(home, specifier, isTest(path))
      ? [`${path}: ${home} may not import ${specifier}`]
      : []
  })
}

function manifestProblems({ path, text }: SourceFile, home: string): Problem[] {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(text)
  return [
    ...Object.keys(dependencies).filter((name) => refused(home, name, false)),
    ...Object.keys(devDependencies).filter((name) => refused(home, name, true)),
  ].map((name) => `${path}: ${home} may not depend on ${name}`)
}

function refused(home: string, specifier: string, inTests: boolean): boolean {
  const [scope, name] = specifier.split('/')
  if (scope !== '@menagerie' || name === undefined || UNBOUND.includes(home)) return false
  const ofWorkers = inTests ? WORKER_TESTS : WORKERS
  const allowed = home.startsWith('workers/') ? ofWorkers : (ALLOWED[home] ?? [])
  return name !== posix.basename(home) && !allowed.includes(name)
}

const isTest = (path: string): boolean => /\/test\/|\.test\.ts$/.test(path)

/** The package a file belongs to. */
const homeOf = (path: string): string | undefined =>
  /^(durable-objects|(?:packages|workers)\/[^/]+)\//.exec(path)?.[1]
