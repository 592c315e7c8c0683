import { ObjectLog } from '../shared/object-log.ts'

/** The twin's log. */
export class TwinLog extends ObjectLog {
  constructor(now: () => number) {
    const ownDestinations = ['projection', 'link']
    super(
      { service: 'device_twin', object: 'DeviceTwin', sockets: 'devices', ownDestinations },
      now,
    )
  }
}
