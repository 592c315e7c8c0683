import { expect, test } from 'vitest'
import { checkImportDirection } from './import-direction.ts'

const check = (path: string, text: string) => checkImportDirection([{ path, text }])
const importing = (name: string) => `import { thing } from '@menagerie/${name}'\n`
const manifest = (name: string) => JSON.stringify({ dependencies: { [`@menagerie/${name}`]: '*' } })

test('the direction contracts ← core ← durable-objects ← workers is allowed', () => {
  expect(check('packages/core/src/a.ts', importing('contracts'))).toEqual([])
  expect(check('durable-objects/src/a.ts', importing('core'))).toEqual([])
  expect(check('workers/accounts/src/a.ts', importing('durable-objects/user-sessions'))).toEqual([])
  expect(check('packages/client/src/a.ts', importing('contracts/routes'))).toEqual([])
  expect(check('packages/lab/src/a.ts', importing('core'))).toEqual([])
  expect(check('packages/testing/src/a.ts', importing('accounts/seed'))).toEqual([])
})

test.each([
  ['packages/contracts/src/a.ts', 'core'],
  ['packages/core/src/a.ts', 'durable-objects/journal'],
  ['durable-objects/src/a.ts', 'accounts'],
  ['packages/client/src/a.ts', 'core'],
  ['packages/lab/src/a.ts', 'durable-objects'],
  ['workers/gateway/src/a.ts', 'accounts'],
  ['workers/gateway/src/a.ts', 'testing'],
  ['packages/console/src/a.ts', 'core'],
  ['packages/unheard-of/src/a.ts', 'core'],
])('%s may not import %s', (path, name) => {
  expect(check(path, importing(name))).toHaveLength(1)
})

test.each([
  `import type { A } from "@menagerie/testing"`,
  `export * from '@menagerie/testing'`,
  `import '@menagerie/testing'`,
  `const a = await import('@menagerie/testing')`,
  `import {\n  a,\n  b,\n} from '@menagerie/testing'`,
])('every way to import is seen: %s', (text) => {
  expect(check('packages/core/src/a.ts', text)).toHaveLength(1)
})

test('a manifest is held to the same direction', () => {
  expect(check('packages/core/package.json', manifest('contracts'))).toEqual([])
  expect(check('packages/core/package.json', manifest('client'))).toEqual([
    'packages/core/package.json: packages/core may not depend on @menagerie/client',
  ])
})

test('a Worker may use the lab in its tests and nowhere else', () => {
  expect(check('workers/accounts/test/support/a.ts', importing('lab'))).toEqual([])
  expect(check('workers/accounts/src/a.ts', importing('lab'))).toHaveLength(1)
  expect(check('workers/accounts/package.json', manifest('lab'))).toHaveLength(1)
  expect(
    check('workers/accounts/package.json', '{"devDependencies": {"@menagerie/lab": "*"}}'),
  ).toEqual([])
})

test('a relative import may not leave its package', () => {
  expect(check('packages/core/src/a.ts', `import '../test/b.ts'`)).toEqual([])
  expect(check('packages/core/src/a.ts', `import '../../contracts/src/index.ts'`)).toHaveLength(1)
})
