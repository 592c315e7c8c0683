/** What every object behind a door understands; see with-test-door.ts. */
interface DoorStub {
  testDoorAdvance(ms: number): Promise<void>
  testDoorWake(): Promise<void>
  testDoorCrash(): Promise<void>
}

/** `POST /__test/objects/{binding}/{name}/{advance|wake|crash}`, `advance` with `?ms=`. */
const PATH = /^\/__test\/objects\/([A-Z_]+)\/([^/]+)\/(advance|wake|crash)$/

/**
 * Answers a request to the doors.
 *
 * @param env the gateway's, which binds every object class
 * @returns 204 when done, 404 for anything that is no door; `undefined` outside `/__test/`
 */
export async function answerAtDoor(request: Request, env: object): Promise<Response | undefined> {
  const url = new URL(request.url)
  if (!url.pathname.startsWith('/__test/')) return undefined
  const [, binding = '', name = '', action] = PATH.exec(url.pathname) ?? []
  const namespace: unknown = Reflect.get(env, binding)
  if (request.method !== 'POST' || !isNamespace(namespace)) {
    return new Response('no such door', { status: 404 })
  }
  const object = namespace.getByName(decodeURIComponent(name)) as unknown as DoorStub
  if (action === 'advance') {
    const ms = Number(url.searchParams.get('ms') ?? Number.NaN)
    if (!Number.isSafeInteger(ms) || ms < 0) return new Response('ms is missing', { status: 422 })
    await object.testDoorAdvance(ms)
  } else if (action === 'wake') {
    await object.testDoorWake()
  } else {
    // The crash takes the answer with it.
    await object.testDoorCrash().catch(() => {})
  }
  return new Response(null, { status: 204 })
}

const isNamespace = (value: unknown): value is DurableObjectNamespace =>
  typeof value === 'object' && value !== null && 'getByName' in value
