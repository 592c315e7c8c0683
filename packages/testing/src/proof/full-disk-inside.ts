/** Started by `runInside`: a whole system whose state lies on a disk that is full for a while. */
import { freePort } from '../free-port.ts'
import { launch } from '../launcher/launch.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { fillDisk, mountSmallDisk, unmount } from './full-disk.ts'
import { outage } from './outages.ts'

const folder = await temporaryFolder('full-disk')
const state = mountSmallDisk(folder.path)
const system = await launch({
  dataDir: folder.path,
  port: await freePort(),
  environment: 'test',
  seed: true,
  mqtt: { broker: 'mosquitto' },
})
const orphaned = () => process.exit(1)
process.on('disconnect', orphaned)
process.channel?.unref()
try {
  const count = await outage(system, {
    prefix: 'disk',
    messages: Number(process.argv[2]),
    devices: 10,
    begin: async () => {
      const free = fillDisk(state)
      return async () => free()
    },
  })
  process.stdout.write(`${JSON.stringify(count)}\n`)
} finally {
  await system.stop()
  unmount(state)
  await folder.remove()
  process.off('disconnect', orphaned)
  process.disconnect?.()
}
