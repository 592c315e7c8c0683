/**
 * A configuration of Mosquitto with other values for some of its options (mosquitto.conf(5)).
 *
 * @param template each option at the beginning of a line
 * @param values by option; what the template lacks is added at its end
 */
export function configWith(template: string, values: Readonly<Record<string, string>>): string {
  const left = new Map(Object.entries(values))
  const lines = template.split('\n').map((line) => {
    const [option = ''] = line.split(' ', 1)
    const value = left.get(option)
    if (value === undefined) return line
    left.delete(option)
    return `${option} ${value}`
  })
  return [...lines, ...[...left].map(([option, value]) => `${option} ${value}`), ''].join('\n')
}
