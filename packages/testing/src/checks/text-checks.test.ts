import { expect, test } from 'vitest'
import { checkMarkdownLinks } from './markdown-links.ts'
import { checkMigrations } from './migrations.ts'
import { checkLockfile, checkMachinePaths } from './tracked-text.ts'

const migration = (text: string) =>
  checkMigrations([{ path: 'workers/accounts/migrations/0002_x.sql', text }])

test('a migration that only adds is fine', () => {
  expect(migration('CREATE TABLE a (id INTEGER);\nALTER TABLE a ADD COLUMN b TEXT;')).toEqual([])
})

test.each([
  'drop table users;',
  'CREATE TABLE `__new_users` (id INTEGER);',
  'CREATE TABLE a (b INTEGER REFERENCES c(id) on delete  cascade);',
])('a migration with "%s" needs a review', (sql) => {
  expect(migration(sql)).toHaveLength(1)
  expect(migration(`-- reviewed: the table was never used\n${sql}`)).toEqual([])
  expect(migration(`-- reviewed:\n${sql}`)).toHaveLength(1)
})

test('SQL outside migrations is not looked at', () => {
  expect(checkMigrations([{ path: 'packages/testing/a.sql', text: 'DROP TABLE a;' }])).toEqual([])
})

test('a lockfile that names a host is refused', () => {
  const lockfile = (text: string) => checkLockfile({ path: 'pnpm-lock.yaml', text })
  expect(lockfile('  zod@4.6.7:\n    resolution: {integrity: sha512-abc==}')).toEqual([])
  expect(lockfile('a\n    resolution: {tarball: https://registry.example/zod.tgz}')).toEqual([
    'pnpm-lock.yaml:2: tarball: names a registry',
  ])
})

test('a path of one machine is refused, a path of every machine is not', () => {
  const paths = (text: string) => checkMachinePaths([{ path: 'a.md', text }])
  // Put together here, so that this file passes its own check.
  for (const folder of ['work', 'root', 'home/ada', 'Users/ada']) {
    expect(paths(`see ${['', folder, 'thing'].join('/')}`)).toHaveLength(1)
  }
  expect(
    paths('/usr/bin/env node, /tmp/x, docs/work/x, https://a.example/work/x, /workers/a'),
  ).toEqual([])
})

const links = (text: string, others: Record<string, string> = {}) =>
  checkMarkdownLinks(
    [
      { path: 'docs/a.md', text },
      ...Object.entries(others).map(([path, other]) => ({ path, text: other })),
    ],
    (path) => path === 'docs/a.md' || path in others,
  )

test('a link to a file that does not exist is found', () => {
  expect(links('[b](b.md) [out](https://example.com) [mail](mailto:a@b.example)')).toEqual([
    'docs/a.md: b.md does not exist',
  ])
  expect(links('[b](../README.md "title") [c](/README.md)', { 'README.md': '' })).toEqual([])
})

test('a link to a heading that does not exist is found', () => {
  const others = { 'docs/b.md': '# The first\n## What it is, and why\n## The first' }
  expect(links('[b](b.md#what-it-is-and-why) [c](b.md#the-first-1)', others)).toEqual([])
  expect(links('[b](b.md#elsewhere)', others)).toEqual([
    'docs/a.md: b.md#elsewhere has no such heading',
  ])
  expect(links('# Here\n[here](#here) [there](#there)')).toHaveLength(1)
})

test('brackets in code are not links', () => {
  expect(links('```ts\nconst a = b[0](nowhere)\n```\n')).toEqual([])
})
