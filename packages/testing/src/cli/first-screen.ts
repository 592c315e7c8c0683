import type { DemoFile } from './demo-file.ts'

/** What `npm start` shows once everything is up. */
export function firstScreen(demo: DemoFile, dataDir: string, readyAfter: string): string {
  const agent = demo.users.find(({ role }) => role === 'agent')
  const width = Math.max(0, ...demo.users.map(({ username }) => username.length))
  const users = demo.users.map(
    ({ role, username, password }) =>
      `  ${role.padEnd(11)} ${username.padEnd(width)}   ${password}`,
  )
  const lines = [
    `Menagerie is ready after ${readyAfter}.`,
    '',
    `  gateway and console   ${demo.gateway}`,
    ...(demo.lab === undefined ? [] : [`  lab (fake carrier)    ${demo.lab}`]),
    `  state and log         ${dataDir} (menagerie.log, demo.json)`,
  ]
  if (users.length > 0) lines.push('', 'Demo logins:', '', ...users)
  if (agent !== undefined) lines.push('', 'Try:', '', ...tries(demo, agent))
  return [...lines, '', 'Ctrl-C stops everything; `npm run reset` clears the state.'].join('\n')
}

function tries(demo: DemoFile, agent: DemoFile['users'][number]): string[] {
  const body = JSON.stringify({ username: agent.username, password: agent.password })
  return [
    `  TOKEN=$(curl -s ${demo.gateway}/auth/login -H 'content-type: application/json' \\`,
    `    -d '${body}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `  curl ${demo.gateway}/users/profile -H "authorization: Bearer $TOKEN"`,
    `  curl ${demo.gateway}/calls/start -H "authorization: Bearer $TOKEN" \\`,
    `    -H 'content-type: application/json' -d '{"to":"+12025550101"}'`,
    `  curl ${demo.gateway}/calls/history -H "authorization: Bearer $TOKEN"`,
    `  curl ${demo.gateway}/metrics -H "authorization: Bearer ${demo.scrapeToken}"`,
  ]
}
