import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../temporary-folder.ts'
import { ensureDemoDevice } from './demo-device.ts'

const admin = {
  role: 'admin',
  username: 'admin@menagerie.example',
  password: 'secret',
  displayName: 'Ada Admin',
  totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
}

/** A gateway at which the demo device was registered long ago. */
function answer(request: IncomingMessage, response: ServerResponse, passwords: string[]): void {
  const send = (status: number, body: object) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  const meta = { requestId: 'r1' }
  switch (request.url) {
    case '/auth/login': {
      const data = {
        access_token: 'a',
        token_type: 'Bearer',
        expires_in: 300,
        refresh_token: 'r',
        refresh_expires_in: 1800,
        scope: 'profile',
        session_state: '019aa5b8-7c00-7000-8000-000000000001',
      }
      return void send(200, { data, meta })
    }
    case '/devices':
      return void send(409, {
        type: 'urn:menagerie:problem:conflict',
        title: 'Conflict',
        status: 409,
        detail: 'The id is taken; choose another one',
        instance: '/devices',
        code: 'conflict',
        requestId: 'r1',
      })
    case '/devices/demo-device/credentials': {
      const password = `password ${passwords.length + 1}`
      passwords.push(password)
      const data = { deviceId: 'demo-device', username: 'demo-device', password }
      return void send(201, { data, meta })
    }
  }
  response.writeHead(204).end()
}

test('a demo device that is there already gets a password for another broker, and keeps it', async () => {
  await using folder = await temporaryFolder('demo-device')
  const passwords: string[] = []
  const gateway = createServer((request, response) => answer(request, response, passwords))
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  const system = { url, dataDir: folder.path, users: [admin] }
  try {
    expect(await ensureDemoDevice(system, 'mosquitto')).toMatchObject({ password: 'password 1' })
    expect(await ensureDemoDevice(system, 'mosquitto')).toMatchObject({ password: 'password 1' })
    expect(await ensureDemoDevice(system, 'aedes')).toMatchObject({ password: 'password 2' })
  } finally {
    gateway.close()
    gateway.closeAllConnections()
  }
})
