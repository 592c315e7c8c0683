import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { iceServersFor } from './ice-servers.ts'

const settings = JSON.stringify([
  { urls: 'stun:stun.example.com' },
  { urls: ['turn:turn.example.com:3478', 'turns:turn.example.com'] },
  { urls: 'turn:other.example.com', username: 'fixed', credential: 'kept' },
])

test('TURN servers get a name that ends in an hour and its HMAC as the password', () => {
  const now = Date.parse('2026-11-22T10:00:00Z')
  const username = `${now / 1000 + 3600}:ada`
  const credential = createHmac('sha1', 'a-shared-secret').update(username).digest('base64')
  expect(iceServersFor('ada', settings, 'a-shared-secret', now)).toEqual([
    { urls: 'stun:stun.example.com' },
    { urls: ['turn:turn.example.com:3478', 'turns:turn.example.com'], username, credential },
    { urls: 'turn:other.example.com', username: 'fixed', credential: 'kept' },
  ])
})

test('without a secret they are given as they are set', () => {
  expect(iceServersFor('ada', settings, undefined, 0)).toEqual(JSON.parse(settings))
})
