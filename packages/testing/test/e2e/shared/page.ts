import { beforeAll, expect, it } from 'vitest'
import { type HarnessSystem, waitFor } from '../../../src/index.ts'
import { browserPath, openBrowser } from '../support/chromium.ts'
import { sharedSystem } from '../support/shared-system.ts'

let system: HarnessSystem

beforeAll(async () => {
  system = await sharedSystem()
})

it('serves the page of live calls under a policy that lets it load its own files only (S83)', async () => {
  const page = await fetch(system.url)
  expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  const policy = page.headers.get('content-security-policy') ?? ''
  expect(policy).toMatch(/default-src 'none'/)
  expect(policy).not.toMatch(/unsafe/)
  const html = await page.text()
  const files = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path)
  expect(files.length).toBeGreaterThanOrEqual(2)
  for (const path of files) expect((await fetch(`${system.url}${path}`)).status).toBe(200)
})

/** Without a browser on the machine only the files are looked at, and the name of the test says so. */
it(browserPath
  ? 'lets an agent start, watch and end a call'
  : 'has a page (no Chromium here: not opened)', async () => {
  if (!browserPath) {
    expect(await (await fetch(system.url)).text()).toContain('live-calls.js')
    return
  }
  const browser = await openBrowser()
  try {
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
    await page.goto(system.url)
    const agent = system.users.find((user) => user.role === 'agent')
    await page.fill('[name=username]', agent?.username ?? '')
    await page.fill('[name=password]', agent?.password ?? '')
    await page.click('#sign-in button')
    await page.fill('[name=to]', '+12025550101')
    await page.click('#start button')
    const row = page.locator('#rows tr').first()
    await waitFor(async () => (await row.textContent())?.includes('in-progress'), {
      what: 'the call to be answered',
      timeoutMs: 20_000,
    })
    await row.getByRole('button', { name: 'Hang up' }).click()
    await waitFor(async () => (await row.textContent())?.includes('completed'), {
      what: 'the call to end',
      timeoutMs: 20_000,
    })
    expect(problems).toEqual([])
  } finally {
    await browser.close()
  }
}, 60_000)
