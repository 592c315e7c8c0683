import { MAX_TWIN_DEPTH } from '@menagerie/contracts'

/** Why a request is refused, as AWS IoT's documentation lists it ("Device Shadow error messages"). */
export interface ShadowFault {
  code: 400 | 404 | 409 | 413 | 415
  message: string
}

const bad = (message: string): ShadowFault => ({ code: 400, message })

export const shadowFaults = {
  invalidJson: bad('Invalid JSON'),
  missingState: bad('Missing required node: state'),
  stateNoObject: bad('State node must be an object'),
  desiredNoObject: bad('Desired node must be an object'),
  reportedNoObject: bad('Reported node must be an object'),
  invalidVersion: bad('Invalid version'),
  invalidToken: bad('Invalid clientToken'),
  // The limit is that of twins, which is AWS's own quota.
  tooDeep: bad(`JSON contains too many levels of nesting; maximum is ${MAX_TWIN_DEPTH}`),
  invalidNode: bad('State contains an invalid node'),
  conflict: { code: 409, message: 'Version conflict' },
  tooLarge: { code: 413, message: 'The payload exceeds the maximum size allowed' },
  encoding: { code: 415, message: 'Unsupported documented encoding; supported encoding is UTF-8' },
} as const satisfies Record<string, ShadowFault>

/** @param deviceId whose classic shadow it is, which has no name of its own */
export const noShadow = (deviceId: string): ShadowFault => ({
  code: 404,
  message: `No shadow exists with name: '${deviceId}'`,
})
