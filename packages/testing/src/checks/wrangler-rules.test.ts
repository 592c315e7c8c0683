import { expect, test } from 'vitest'
import { parseConfig, readWorkers, type WorkerSource } from '../launcher/worker-config.ts'
import { repositoryRoot } from '../paths.ts'
import {
  checkDatabaseOwnership,
  checkPublicWorkers,
  checkQueueConsumers,
} from './wrangler-rules.ts'

const worker = (role: string, toml: string): WorkerSource => ({
  role,
  configPath: `workers/${role}/wrangler.toml`,
  folder: `workers/${role}`,
  config: parseConfig(`name = "${role}"\nmain = "src/index.ts"\n${toml}`, role),
})
const database = (name: string, id = '') =>
  `[[d1_databases]]\nbinding = "DB"\ndatabase_name = "${name}"\n${id && `database_id = "${id}"`}`

test('two Workers with a database each are fine; one database in two Workers is not (A17)', () => {
  const accounts = worker('accounts', database('accounts'))
  expect(checkDatabaseOwnership([accounts, worker('admin', database('admin'))])).toEqual([])
  expect(checkDatabaseOwnership([accounts, worker('admin', database('accounts'))])).toEqual([
    'admin: the database accounts belongs to accounts',
  ])
})

test('one database under two names is found by its id (A17)', () => {
  const one = worker('accounts', database('a', '1234'))
  expect(checkDatabaseOwnership([one, worker('admin', database('b', '1234'))])).toEqual([
    'admin: the database id 1234 belongs to accounts',
  ])
})

test('only the gateway may be public', () => {
  const hidden = 'workers_dev = false\npreview_urls = false\n'
  expect(checkPublicWorkers([worker('gateway', 'workers_dev = true')])).toEqual([])
  expect(checkPublicWorkers([worker('admin', hidden)])).toEqual([])
  expect(checkPublicWorkers([worker('admin', '')])).toEqual([
    'admin: workers_dev must be false',
    'admin: preview_urls must be false',
  ])
  expect(checkPublicWorkers([worker('admin', `${hidden}route = "admin.example/*"`)])).toHaveLength(
    1,
  )
  expect(
    checkPublicWorkers([worker('admin', `${hidden}routes = ["admin.example/*"]`)]),
  ).toHaveLength(1)
})

const consumer = (lines: string) =>
  checkQueueConsumers([worker('reports', `[[queues.consumers]]\n${lines}`)])
const explicit = 'max_batch_size = 10\nmax_batch_timeout = 1\nmax_retries = 5\n'

test('a consumer states batch, wait, retries and where its dead letters go', () => {
  const letters = 'dead_letter_queue = "menagerie-dead-letters"\n'
  expect(consumer(`queue = "menagerie-history"\n${explicit}${letters}`)).toEqual([])
  expect(consumer(`queue = "menagerie-history"\n${letters}`)).toHaveLength(3)
  expect(consumer(`queue = "menagerie-history"\n${explicit}`)).toEqual([
    'reports: the consumer of menagerie-history has no dead_letter_queue',
  ])
  expect(
    consumer(`queue = "menagerie-history"\n${explicit}dead_letter_queue = "menagerie-rules"\n`),
  ).toHaveLength(1)
})

test('the dead letters themselves have nowhere further to go', () => {
  expect(consumer(`queue = "menagerie-dead-letters"\n${explicit}`)).toEqual([])
  expect(
    consumer(`queue = "menagerie-dead-letters"\n${explicit}dead_letter_queue = "x"\n`),
  ).toHaveLength(1)
})

test('a wrangler.toml that cannot be read names itself', () => {
  expect(() => parseConfig('name = ', 'workers/x/wrangler.toml')).toThrow(
    /^workers\/x\/wrangler.toml: /,
  )
  expect(() => parseConfig('name = "x"', 'x.toml')).toThrow(
    'x.toml: a Worker needs "name" and "main"',
  )
})

test('the product keeps these rules: one owner per database (A17), one public Worker, explicit consumers', () => {
  const workers = readWorkers(repositoryRoot)
  expect(workers.map(({ role }) => role)).toContain('gateway')
  expect(checkDatabaseOwnership(workers)).toEqual([])
  expect(checkPublicWorkers(workers)).toEqual([])
  expect(checkQueueConsumers(workers)).toEqual([])
})
