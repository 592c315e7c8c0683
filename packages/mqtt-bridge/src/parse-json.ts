/** The value, or `undefined` where the text is no JSON: a schema then refuses it like any other wrong value. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
