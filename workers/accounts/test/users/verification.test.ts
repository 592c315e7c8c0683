import { exports } from 'cloudflare:workers'
import { expect, it } from 'vitest'

it('tells other Workers the public keys and the known clients, and nothing private', async () => {
  const worker = (exports as unknown as { default: Fetcher }).default
  const answer = await worker.fetch('http://accounts/internal/verification')
  expect(answer.status).toBe(200)
  const text = await answer.text()
  const { keys, clients } = JSON.parse(text) as { keys: object[]; clients: string[] }
  expect(keys[0]).toMatchObject({ kty: 'RSA', alg: 'RS256', use: 'sig' })
  expect(clients).toEqual(expect.arrayContaining(['menagerie', 'bridge']))
  expect(text).not.toMatch(/"(d|p|q|dp|dq|qi)":/)
})
