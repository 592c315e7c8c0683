import type { IncomingMessage } from 'node:http'
import { errorCodes, Problem, problemMediaType } from '@menagerie/contracts'
import WebSocket from 'ws'

/**
 * The problem a response carries, after everything the contract says of one was checked (contract §1, RFC 9457).
 *
 * @throws Error that names what is wrong
 */
export async function readProblem(response: Response): Promise<Problem> {
  const text = await response.text()
  const fail = (what: string) => new Error(`${what}: ${response.status} ${text.slice(0, 300)}`)
  if (response.headers.get('content-type') !== problemMediaType) {
    throw fail(
      `content type ${response.headers.get('content-type')} instead of ${problemMediaType}`,
    )
  }
  const problem = Problem.parse(JSON.parse(text))
  if (problem.status !== response.status) throw fail('status and body differ')
  if (errorCodes[problem.code].status !== response.status) throw fail('the code has another status')
  if (problem.requestId !== response.headers.get('x-request-id'))
    throw fail('X-Request-Id and body differ')
  if (response.status === 401 && !response.headers.get('www-authenticate'))
    throw fail('no WWW-Authenticate')
  if ([429, 503, 507].includes(response.status) && !response.headers.get('retry-after'))
    throw fail('no Retry-After')
  if (/\bat .+:\d+:\d+|SQLITE|D1_ERROR|ZodError|node_modules/.test(text))
    throw fail('inner workings are shown')
  return problem
}

/**
 * The problem that an upgrade with a token is refused with.
 *
 * @throws Error when it was not refused
 */
export async function refusedUpgrade(url: string, token: string | undefined): Promise<Problem> {
  const socket = new WebSocket(url, ['menagerie.v1'], {
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  })
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    socket.once('unexpected-response', (_, response) => {
      // The server may reset the connection once the answer is read; that is no failure of the test.
      response.socket.on('error', () => {})
      resolve(response)
    })
    socket.once('open', () => {
      socket.close()
      reject(new Error(`${url} was not refused`))
    })
    socket.on('error', reject)
  })
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [
    name,
    String(value),
  ])
  return readProblem(
    new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers }),
  )
}
