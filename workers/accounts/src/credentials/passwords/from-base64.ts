/** The bytes of a base64 text (RFC 4648 §4). */
export const fromBase64 = (text: string): Uint8Array =>
  Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
