import { join } from 'node:path'
import { testingFolder } from '../../src/paths.ts'

/** Two Workers with a database, an object and a secret, which start in a second. */
export const smallSystem = join(testingFolder, 'test', 'fixtures', 'small-system')

export const getJson = async (url: string): Promise<unknown> => (await fetch(url)).json()

export const postJson = async (url: string, body = ''): Promise<unknown> =>
  (await fetch(url, { method: 'POST', body })).json()
