import { readFileSync, writeFileSync } from 'node:fs'
import { captureCall } from './capture-call.ts'
import { CaptureError, readCapture } from './read-capture.ts'
import { type Verdict, verifyCapture } from './verify-capture.ts'

const usage = `npm run verify -- <file> …

  Checks offline that captured events are exactly those of the journal they came from: none missing, none altered, none
  added. The files hold the events (GET /calls/{id}/events, or a socket's frames, one JSON a line), the proof
  (GET /calls/{id}/proof) and the JWKS (GET /auth/realms/{realm}/protocol/openid-connect/certs); or one file holds
  all three as {"events", "proof", "jwks"}.

npm run verify -- --capture <call id> <file>

  Writes such a file for a call of the system that runs here.`

/** @returns the exit code: 0 where everything is as it was, 1 where it is not, 2 for arguments or files that are no good */
export async function runVerify(args: string[], say = toStdout): Promise<number> {
  if (args.includes('--help')) {
    say(usage)
    return 0
  }
  try {
    if (args[0] === '--capture') return await capture(args.slice(1), say)
    if (args.length === 0 || args.some((arg) => arg.startsWith('-'))) throw new CaptureError(usage)
    const verdict = await verifyCapture(readCapture(args.map(read)))
    say(told(verdict))
    return verdict.ok ? 0 : 1
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error
    process.stderr.write(`${error.message}\n`)
    return 2
  }
}

async function capture(
  [callId, file, ...rest]: string[],
  say: (line: string) => void,
): Promise<number> {
  if (callId === undefined || file === undefined || rest.length > 0) throw new CaptureError(usage)
  const captured = await captureCall(process.env.DATA_DIR || '.data', callId)
  writeFileSync(file, `${JSON.stringify(captured, null, 2)}\n`)
  say(`${captured.events.length} events with their proof are in ${file}`)
  return 0
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new CaptureError(`${path} cannot be read`, { cause: error })
  }
}

function told(verdict: Verdict): string {
  if (!verdict.ok) return `NOT PROVED: ${verdict.detail}`
  const { object, fromSeq, toSeq, erased, signedAt } = verdict
  const gone = erased.length === 0 ? '' : `; the data of ${erased.join(', ')} were erased`
  return `PROVED: events ${fromSeq} to ${toSeq} of ${object} are those of its journal, signed at ${signedAt}${gone}`
}

const toStdout = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
