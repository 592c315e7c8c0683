import type { DemoFile } from './demo-file.ts'

/** What `npm start` shows once everything is up. */
export function firstScreen(
  demo: DemoFile,
  dataDir: string,
  readyAfter: string,
  broker = 'MQTT',
): string {
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
    ...(demo.mqtt === undefined ? [] : [`  MQTT broker           ${demo.mqtt} (${broker})`]),
    ...(demo.bridge === undefined ? [] : [`  MQTT bridge's page    ${demo.bridge}/metrics`]),
    ...(demo.lab === undefined ? [] : [`  lab (carrier, mail)   ${demo.lab}`]),
    `  state and log         ${dataDir} (menagerie.log, demo.json)`,
  ]
  if (users.length > 0) lines.push('', 'Demo logins:', '', ...users)
  if (demo.device !== undefined) {
    const { username, password } = demo.device
    lines.push('', 'Demo device (of the admin):', '', `  ${username}   ${password}`)
  }
  if (agent !== undefined) lines.push('', 'Try:', '', ...tries(demo, agent))
  if (demo.device !== undefined) lines.push('', ...deviceTries(demo, demo.device))
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
    ...(demo.line === undefined
      ? []
      : [`  npm run lab -- call --from +12025550181 --to ${demo.line.number}`]),
    `  curl ${demo.gateway}/calls/history -H "authorization: Bearer $TOKEN"`,
    `  curl ${demo.gateway}/metrics -H "authorization: Bearer ${demo.scrapeToken}"`,
  ]
}

function deviceTries(demo: DemoFile, device: NonNullable<DemoFile['device']>): string[] {
  const { hostname, port } = new URL(demo.mqtt ?? 'mqtt://127.0.0.1:1883')
  const version = demo.mqttProtocol === 4 ? 'mqttv311' : 'mqttv5'
  return [
    `  mosquitto_pub -h ${hostname} -p ${port || '1883'} -V ${version} -q 1 -i ${device.id} \\`,
    `    -u ${device.username} -P ${device.password} \\`,
    `    -t v1/devices/${device.id}/telemetry/climate -m '{"values":{"temperature":21.5}}'`,
    '  npm run lab -- devices --count 3',
  ]
}

/** What the first screen says of the broker. */
export function describeBroker(
  kind: string | undefined,
  protocolVersion: 4 | 5 | undefined,
): string {
  const speaks = protocolVersion === 4 ? 'MQTT 3.1.1' : 'MQTT 5'
  switch (kind) {
    case 'mosquitto':
      return `Mosquitto, ${speaks}`
    case 'aedes':
      return `embedded aedes, ${speaks}, keeps nothing across restarts; install mosquitto for more`
    default:
      return speaks
  }
}
