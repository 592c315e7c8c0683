/** Words of a query that are looked at; further ones narrow nothing. */
const QUERY_WORDS = 8

/** The words of a name: letters of every script and digits, in lower case and without accents. */
const wordsOf = (text: string): string[] =>
  text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .match(/[\p{L}\p{N}]+/gu) ?? []

/** What is kept of a display name for searches (`users.search_name`). */
export const searchNameOf = (displayName: string | null | undefined): string | null =>
  displayName == null ? null : wordsOf(displayName).join(' ')

/** What a search looks for: an account that has every word, or whose user name begins with `name`. */
export interface SearchTerms {
  /** Each must begin a word of the display name, or the user name. */
  words: string[]
  /** The start of a user name as the index has it; `undefined` for what no user name begins with. */
  name: string | undefined
}

/**
 * The terms of a query. A phone number is found with and without its `+`, and in groups of digits.
 *
 * @returns `undefined` where the query has nothing that a name could have
 */
export function searchTerms(q: string): SearchTerms | undefined {
  const words = wordsOf(q).slice(0, QUERY_WORDS)
  const text = /^\+?[\d\s().-]+$/.test(q) ? q.replaceAll(/\D/g, '') : q.toLowerCase()
  const start = text.replace(/^\++/, '').replaceAll("'", '.')
  const name = /^[a-z0-9+\-._@]+$/.test(start) ? start : undefined
  return words.length === 0 && name === undefined ? undefined : { words, name }
}

/** The FTS5 query over `user_search` for these terms. Each is quoted, and none holds a quote. */
export function searchExpression(
  { words, name }: SearchTerms,
  filter: { role?: string | undefined; status?: string | undefined },
): string {
  const alternatives = [
    ...(words.length === 0 ? [] : [`(${words.map(prefix).join(' AND ')})`]),
    ...(name === undefined || (words.length === 1 && words[0] === name) ? [] : [prefix(name)]),
  ]
  return [
    `(${alternatives.join(' OR ')})`,
    ...(filter.status === undefined ? [] : [`"§${filter.status}"`]),
    ...(filter.role === undefined ? [] : [`"¶${filter.role}"`]),
  ].join(' AND ')
}

const prefix = (word: string): string => `"${word}"*`
