/** `name=value`, in which whatever is not plain is escaped, with capital digits (RFC 3986 §2.1). */
const PAIR = '(?:[^\\x00-\\x20%&=\\x7f-\\uffff]|%[0-9A-F]{2})*'
const FORM = new RegExp(`^(?:${PAIR}=${PAIR}(?:&${PAIR}=${PAIR})*)?$`)

/**
 * The fields of a form as a carrier writes it; `undefined` for what none writes. Signatures are over names and values
 * run together, so that a body which reads the same in two ways would be signed in both.
 */
export function readForm(body: Uint8Array): URLSearchParams | undefined {
  const text = new TextDecoder('latin1').decode(body)
  if (!FORM.test(text)) return undefined
  if (text === '') return new URLSearchParams()
  const pairs = text.split('&').map((pair) => pair.split('='))
  try {
    return new URLSearchParams(pairs.map(([name = '', value = '']) => [read(name), read(value)]))
  } catch {
    return undefined
  }
}

/** @throws URIError for bytes that are no UTF-8: a lenient reading would take them all for the same character */
const read = (escaped: string): string => decodeURIComponent(escaped.replaceAll('+', ' '))

/**
 * The fields of a JSON body; `undefined` for what is no object. Values that are no text, number or truth value are the
 * carrier's own.
 */
export function readJson(text: string): URLSearchParams | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const plain = Object.entries(value).filter(([, one]) =>
    ['string', 'number', 'boolean'].includes(typeof one),
  )
  return new URLSearchParams(plain.map(([name, one]) => [name, String(one)]))
}
