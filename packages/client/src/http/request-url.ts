/**
 * The address of a call: params are put into the path's `{name}` places, query values become text, absent ones are
 * left out, a list repeats its name.
 *
 * @throws TypeError when a param is missing or empty: the address would be another route's
 */
export function requestUrl(
  baseUrl: string,
  path: string,
  params: Record<string, unknown> = {},
  query: Record<string, unknown> = {},
): string {
  const filled = path.replaceAll(/\{([^}]+)\}/g, (_, name: string) => {
    const value = params[name]
    if (value === undefined || value === null || value === '')
      throw new TypeError(`The path ${path} needs a value for "${name}"`)
    return encodeSegment(String(value))
  })
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value])
      if (item !== undefined && item !== null) search.append(name, String(item))
  }
  const text = search.toString()
  return `${baseUrl.replace(/\/+$/, '')}${filled}${text === '' ? '' : `?${text}`}`
}

/** `.` and `..` would be taken away by every URL parser, percent-encoded or not (WHATWG URL §4.1). */
function encodeSegment(value: string): string {
  if (value === '.' || value === '..') throw new TypeError(`"${value}" cannot stand in a path`)
  return encodeURIComponent(value)
}
