import type { DurableObject } from 'cloudflare:workers'

/** Where an object keeps how far its clock was turned; a crash must not turn it back. */
const SHIFT = 'test-door:clock-shift'

// biome-ignore lint/suspicious/noExplicitAny: a mixin's constructor takes any arguments (TypeScript, TS2545)
type ObjectClass = abstract new (...args: any[]) => DurableObject<any>

/**
 * Adds to a Durable Object's class what only tests may do. Never imported by a Worker: only the entry files in this
 * folder use it, and those run only where `ENVIRONMENT` is `test`.
 *
 * The object's own code reads its clock from `env.CLOCK_OFFSET_MS` at every use, so it is enough to hand it an
 * environment in which that variable moves.
 */
export function withTestDoor<Base extends ObjectClass>(base: Base) {
  abstract class TestDoor extends base {
    // biome-ignore lint/suspicious/noExplicitAny: see above
    constructor(...args: any[]) {
      const [ctx, env] = args as [DurableObjectState, { CLOCK_OFFSET_MS?: string }]
      const offset = Number(env.CLOCK_OFFSET_MS ?? 0)
      super(
        ctx,
        Object.create(env, {
          CLOCK_OFFSET_MS: { enumerable: true, get: () => String(offset + shiftOf(ctx)) },
        }),
      )
    }

    /** Turns the object's clock forward by `ms` and lets its alarm look at what is due by then. */
    async testDoorAdvance(ms: number): Promise<void> {
      this.ctx.storage.kv.put(SHIFT, shiftOf(this.ctx) + ms)
      if ((await this.ctx.storage.getAlarm()) !== null) await this.testDoorWake()
    }

    /** Lets the object's alarm ring now. */
    async testDoorWake(): Promise<void> {
      await this.ctx.storage.setAlarm(Date.now())
    }

    /** Ends the object as a fault of its machine would: memory and open sockets are gone, storage is kept. */
    testDoorCrash(): void {
      this.ctx.abort('crashed by a test')
    }
  }
  return TestDoor
}

const shiftOf = (ctx: DurableObjectState): number => ctx.storage.kv.get<number>(SHIFT) ?? 0
