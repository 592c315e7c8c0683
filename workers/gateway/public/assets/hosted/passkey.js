// Passkeys (Web Authentication Level 3): options as JSON in, credential as JSON out.

/** Whether this browser has passkeys at all. */
export const hasPasskeys = () =>
  typeof PublicKeyCredential === 'function' && typeof navigator.credentials?.get === 'function'

/**
 * Makes a passkey.
 *
 * @param {object} options PublicKeyCredentialCreationOptionsJSON
 * @returns {Promise<object>} RegistrationResponseJSON
 */
export async function register(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON
    ? PublicKeyCredential.parseCreationOptionsFromJSON(options)
    : {
        ...options,
        challenge: toBytes(options.challenge),
        user: { ...options.user, id: toBytes(options.user.id) },
        excludeCredentials: (options.excludeCredentials ?? []).map(toDescriptor),
      }
  return toJson(await navigator.credentials.create({ publicKey }))
}

/**
 * Signs with a passkey.
 *
 * @param {object} options PublicKeyCredentialRequestOptionsJSON
 * @returns {Promise<object>} AuthenticationResponseJSON
 */
export async function authenticate(options) {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON
    ? PublicKeyCredential.parseRequestOptionsFromJSON(options)
    : {
        ...options,
        challenge: toBytes(options.challenge),
        allowCredentials: (options.allowCredentials ?? []).map(toDescriptor),
      }
  return toJson(await navigator.credentials.get({ publicKey }))
}

const toDescriptor = (descriptor) => ({ ...descriptor, id: toBytes(descriptor.id) })

/** By hand where `toJSON` is missing, or belongs to an extension that has put itself in between. */
function toJson(credential) {
  if (credential === null) throw new DOMException('No passkey was chosen', 'NotAllowedError')
  if (typeof credential.toJSON === 'function') return credential.toJSON()
  const { id, rawId, type, response, authenticatorAttachment } = credential
  return {
    id,
    rawId: toBase64Url(rawId),
    type,
    ...(authenticatorAttachment ? { authenticatorAttachment } : {}),
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      clientDataJSON: toBase64Url(response.clientDataJSON),
      ...(response.attestationObject
        ? {
            attestationObject: toBase64Url(response.attestationObject),
            transports: response.getTransports?.() ?? [],
          }
        : {
            authenticatorData: toBase64Url(response.authenticatorData),
            signature: toBase64Url(response.signature),
            ...(response.userHandle ? { userHandle: toBase64Url(response.userHandle) } : {}),
          }),
    },
  }
}

const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) =>
    character.charCodeAt(0),
  )

const toBase64Url = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
