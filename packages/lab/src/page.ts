import type { LabCall } from './carrier/lab-call.ts'
import { descriptions } from './carrier/people.ts'
import { type InboxEntry, type InboxKind, inboxKinds } from './inbox/inbox-store.ts'

export interface PageContent {
  gatewayUrl: string
  /** Newest first. */
  calls: readonly LabCall[]
  inboxes: Readonly<Record<InboxKind, readonly InboxEntry[]>>
}

/** Of each list; the rest is told by number. */
const SHOWN = 50

/** The lab's one page: what arrived in the inboxes, who can be called, and what became of the calls. */
export function labPage({ gatewayUrl, calls, inboxes }: PageContent): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Menagerie: the lab</title>
<meta name="viewport" content="width=device-width"><script>setInterval(()=>{if(!document.querySelector('form:focus-within'))location.reload()},3000)</script><style>${style}</style></head><body>
<header><h1>The lab</h1><p>Plays the outside world for <a href="${toHtml(gatewayUrl)}">${toHtml(gatewayUrl)}</a>:
a telephone carrier, and inboxes in which everything ends that is sent. Times are UTC.</p></header>
<main><section>${inboxKinds.map((kind) => inboxSection(kind, inboxes[kind])).join('')}</section>
<section>${callsSection(calls)}${callForm(calls)}<h2>People who answer</h2>
${table(['Number', 'Does'], Object.entries(descriptions))}</section></main></body></html>`
}

const titles: Readonly<Record<InboxKind, string>> = {
  email: 'E-mail',
  sms: 'SMS',
  push: 'Push',
  webhook: 'Webhooks',
}

function inboxSection(kind: InboxKind, entries: readonly InboxEntry[]): string {
  const shown = entries
    .slice(0, SHOWN)
    .map(
      ({ to, from, subject, body, receivedAt }) =>
        `<article><p class="head"><strong>${toHtml(to.join(', '))}</strong>${
          from === undefined ? '' : ` <span>from ${toHtml(from)}</span>`
        }<time>${timeOf(receivedAt)}</time></p>${
          subject === undefined ? '' : `<h3>${toHtml(subject)}</h3>`
        }<pre>${toHtml(body)}</pre></article>`,
    )
    .join('')
  return `<h2>${titles[kind]} <small>${entries.length}</small></h2>${shown || '<p class="none">Nothing yet.</p>'}`
}

function callsSection(calls: readonly LabCall[]): string {
  const rows = calls
    .slice(0, SHOWN)
    .map(({ sid, direction, from, to, status, createdAt, deliveries }) => [
      timeOf(createdAt),
      direction === 'inbound' ? 'in' : 'out',
      from,
      to,
      status,
      String(deliveries.length),
      sid,
    ])
  const heads = ['Created', '', 'From', 'To', 'Status', 'Waiting', 'Sid']
  return `<h2>Calls <small>${calls.length}</small></h2>${
    rows.length === 0 ? '<p class="none">Nobody has called yet.</p>' : table(heads, rows)
  }`
}

/** Somebody calls from outside; the number that calls have gone out from is offered. */
function callForm(calls: readonly LabCall[]): string {
  const ours = calls.find(({ direction }) => direction === 'outbound-api')?.from ?? '+12025550100'
  const field = (label: string, name: string, more: string) =>
    `<label>${label} <input name="${name}" ${more}></label>`
  return `<h2>Call in</h2><form method="post" action="/carrier/inbound">${field(
    'From',
    'from',
    'required pattern="\\+[1-9][0-9]{6,14}|anonymous" value="+12025550142"',
  )}${field('To', 'to', `required pattern="\\+[1-9][0-9]{6,14}" value="${toHtml(ours)}"`)}${field(
    'Hangs up after, ms',
    'hangUpAfterMs',
    'type="number" min="0" max="86400000" placeholder="never"',
  )}<button>Call</button></form>`
}

const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<div class="wide"><table><tr>${heads.map((head) => `<th>${toHtml(head)}</th>`).join('')}</tr>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${toHtml(cell)}</td>`).join('')}</tr>`)
    .join('')}</table></div>`

const timeOf = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19)

const style = `:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 18%,transparent)}
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:84rem;padding:0 1.5rem}
h1{margin:0}h2{font-size:1.1rem;margin:1.8rem 0 .6rem}h3{font-size:1rem;margin:.3rem 0}
small,.none,time,.head span{opacity:.65;font-weight:400;font-size:.9rem}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(30rem,100%),1fr));gap:0 3rem}
article{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .9rem;margin:.5rem 0}
.head{display:flex;flex-wrap:wrap;gap:.2rem .7rem;margin:0}.head time{margin-left:auto}
pre{font:inherit;margin:.3rem 0 0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:12rem;overflow:auto}
form{display:flex;flex-wrap:wrap;gap:.6rem 1rem;align-items:end}label{display:grid;font-size:.9rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
td,th{padding:.25rem .9rem .25rem 0;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}`

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const toHtml = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => escapes[char] ?? char)
