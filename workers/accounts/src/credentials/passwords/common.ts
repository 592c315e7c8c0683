import { commonPasswords } from './common-passwords.ts'
import { fromBase64 } from './from-base64.ts'

// Decoded at the first look: most isolates never ask.
let filter: Uint8Array | undefined

/** Whether a text is one of the common passwords; one in 300,000 others is taken for one. */
export async function isListed(text: string): Promise<boolean> {
  filter ??= fromBase64(commonPasswords)
  const bits = filter.length * 8
  const digest = new DataView(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text.toLowerCase())),
  )
  for (let at = 0; at < 32; at += 4) {
    const bit = digest.getUint32(at) % bits
    if (((filter[bit >> 3] ?? 0) & (1 << (bit & 7))) === 0) return false
  }
  return true
}

/** Whether a password is common, or a common one in the disguises that everybody tries first. */
export async function isCommon(password: string): Promise<boolean> {
  if (isRun(password)) return true
  for (const form of formsOf(password.toLowerCase())) if (await isListed(form)) return true
  return false
}

/** A text itself, without what stands before and behind its word, with letters for look-alikes, and its repeated part. */
function formsOf(text: string): Set<string> {
  const bare = text.replaceAll(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  const forms = new Set([
    text,
    bare,
    asLetters(text),
    asLetters(bare),
    asLetters(text.replace(/[\d\W_]+$/, '')),
  ])
  for (const form of [...forms]) forms.add(repeatedPart(form))
  return forms
}

const lookAlikes: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
}
const asLetters = (text: string): string =>
  text.replaceAll(/[013457@$!]/g, (char) => lookAlikes[char] ?? char)

/** What a text repeats from beginning to end, the text itself where it repeats nothing. */
function repeatedPart(text: string): string {
  const at = `${text}${text}`.indexOf(text, 1)
  return at > 0 && at < text.length ? text.slice(0, at) : text
}

/** One step between all neighbours, as in `aaaa…`, `abcd…` and `9876…`, or a part of at most four that repeats. */
function isRun(text: string): boolean {
  if (repeatedPart(text).length <= 4) return true
  const codes = [...text].map((char) => char.codePointAt(0) ?? 0)
  const steps = new Set(codes.slice(1).map((code, i) => code - (codes[i] ?? 0)))
  const [step = 2] = steps
  return steps.size === 1 && Math.abs(step) <= 1
}
