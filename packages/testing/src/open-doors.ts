import type { RunningSystem } from './launcher/system.ts'

/** The test-only doors of a system that was started with `doors: true`. */
export interface Doors {
  /** Turns an object's clock forward; timers that are due by then fire. Also across crashes of the object. */
  advance(binding: string, name: string, ms: number): Promise<void>
  /** Lets an object's alarm ring now. */
  wake(binding: string, name: string): Promise<void>
  /** Ends an object as a fault of its machine would: its memory and sockets are gone, its storage is kept. */
  crash(binding: string, name: string): Promise<void>
}

/**
 * @example
 * const doors = openDoors(system)
 * await doors.advance('CALL_ROOM', call.id, 30_000)
 */
export function openDoors(system: Pick<RunningSystem, 'url'>): Doors {
  const knock = async (binding: string, name: string, action: string): Promise<void> => {
    const path = `/__test/objects/${binding}/${encodeURIComponent(name)}/${action}`
    const response = await fetch(system.url + path, { method: 'POST' })
    if (response.status !== 204) {
      throw new Error(`the door ${path} answered ${response.status}: ${await response.text()}`)
    }
  }
  return {
    advance: (binding, name, ms) => knock(binding, name, `advance?ms=${ms}`),
    wake: (binding, name) => knock(binding, name, 'wake'),
    crash: (binding, name) => knock(binding, name, 'crash'),
  }
}
