/** The gateway with the test-only doors under `/__test/`. */
import worker from '@menagerie/gateway'
import { answerAtDoor } from './object-doors.ts'

type Env = Parameters<typeof worker.queue>[1]

const fetch = async (request: Request, env: Env, ctx: ExecutionContext): Promise<Response> =>
  (await answerAtDoor(request, env)) ?? worker.fetch(request, env, ctx)

export default { ...worker, fetch }
