import { SaxesParser } from 'saxes'

/** What a document has a call do, one verb after the other (twilio.com/docs/voice/twiml). */
export type Verb =
  | { type: 'say'; words: number }
  | { type: 'pause'; seconds: number }
  | { type: 'play'; digits: string }
  | Dial
  /** Everything that keeps a call where it is until its customer sends it elsewhere: queues, recordings and the like. */
  | { type: 'stay' }
  | { type: 'redirect'; url: string }
  | { type: 'hangup' }

export interface Dial {
  type: 'dial'
  /** E.164, the name of somebody's browser, or of a room in which calls are joined. */
  to: string
  kind: 'number' | 'client' | 'conference'
  timeoutSeconds: number
  /** Asked when it is over; the document goes on with its next verb where there is none. */
  action: string | null
  /** Told when somebody answers. */
  answeredUrl: string | null
  /** Of a conference: it is over for everybody once this call leaves it. */
  ends?: boolean
}

interface Element {
  name: string
  attributes: Readonly<Record<string, string>>
  children: Element[]
  text: string
}

const STAYS: ReadonlySet<string> = new Set(['Enqueue', 'Gather', 'Record', 'Connect'])
const NOUNS: ReadonlyMap<string, Dial['kind']> = new Map([
  ['Number', 'number'],
  ['Client', 'client'],
  ['Conference', 'conference'],
])
/** Twilio's own, where a document says nothing. */
const DIAL_SECONDS = 30

/**
 * The verbs of a TwiML document.
 *
 * @param base the document's address, for those in it that are relative
 * @throws Error for what is no TwiML
 */
export function readTwiml(text: string, base: string): Verb[] {
  const root = readXml(text)
  if (root.name !== 'Response') throw new Error(`TwiML begins with <Response>, not <${root.name}>`)
  return root.children.flatMap((element) => toVerb(element, base) ?? [])
}

function toVerb(element: Element, base: string): Verb | undefined {
  const { name, attributes, text } = element
  if (STAYS.has(name)) return { type: 'stay' }
  switch (name) {
    case 'Say':
      return { type: 'say', words: text.split(/\s+/).filter((word) => word !== '').length }
    case 'Pause':
      return { type: 'pause', seconds: numberOf(attributes.length, 1) }
    case 'Play':
      return { type: 'play', digits: attributes.digits ?? '' }
    case 'Dial':
      return toDial(element, base)
    case 'Redirect':
      return { type: 'redirect', url: new URL(text.trim() || base, base).href }
    case 'Hangup':
    case 'Reject':
      return { type: 'hangup' }
  }
  // What this carrier does not know it passes over.
  return undefined
}

function toDial({ attributes, children, text }: Element, base: string): Dial {
  const noun = children.find(({ name }) => NOUNS.has(name))
  const { statusCallback, statusCallbackEvent = '' } = noun?.attributes ?? {}
  const tells =
    statusCallback !== undefined && statusCallbackEvent.split(/\s+/).includes('answered')
  return {
    type: 'dial',
    to: (noun?.text ?? text).trim(),
    kind: NOUNS.get(noun?.name ?? '') ?? 'number',
    timeoutSeconds: numberOf(attributes.timeout, DIAL_SECONDS),
    action: attributes.action === undefined ? null : new URL(attributes.action, base).href,
    answeredUrl: tells ? new URL(statusCallback, base).href : null,
    ...(noun?.name === 'Conference'
      ? { ends: noun.attributes.endConferenceOnExit === 'true' }
      : {}),
  }
}

function numberOf(text: string | undefined, fallback: number): number {
  const value = Number(text ?? fallback)
  return Number.isFinite(value) && value >= 0 ? value : fallback
}

function readXml(text: string): Element {
  const top: Element = { name: '', attributes: {}, children: [], text: '' }
  const open = [top]
  const parser = new SaxesParser()
  parser.on('opentag', ({ name, attributes }) => {
    const element: Element = { name, attributes, children: [], text: '' }
    open.at(-1)?.children.push(element)
    open.push(element)
  })
  parser.on('closetag', () => {
    open.pop()
  })
  const add = (more: string) => {
    const element = open.at(-1)
    if (element !== undefined) element.text += more
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('error', (error) => {
    throw error
  })
  parser.write(text).close()
  const [root] = top.children
  if (root === undefined) throw new Error('There is no XML here')
  return root
}
