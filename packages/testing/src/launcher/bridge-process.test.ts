import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../temporary-folder.ts'
import { startBridgeProcess } from './bridge-process.ts'
import { readLog } from './read-log.ts'

test('the page of another system’s bridge is not taken for its own', async () => {
  await using folder = await temporaryFolder('bridge')
  const other = createServer((_, response) => response.end('{"status":"ok"}'))
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const logFile = join(folder.path, 'bridge.log')
  try {
    const starting = startBridgeProcess({
      dataDir: folder.path,
      gatewayUrl: 'http://127.0.0.1:1',
      broker: {
        bridgeUrl: 'mqtt://127.0.0.1:1',
        protocolVersion: 5,
        bridge: { username: 'bridge', password: 'secret' },
      },
      secrets: { BRIDGE_CLIENT_SECRET: 'secret' },
      metricsPort: (other.address() as AddressInfo).port,
      logFile,
      logs: () => readLog(logFile),
    })
    await expect(starting).rejects.toThrow('ended before it was ready')
  } finally {
    other.close()
  }
})
