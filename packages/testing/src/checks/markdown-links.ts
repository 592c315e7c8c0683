import { posix } from 'node:path'
import type { Problem, SourceFile } from './source-file.ts'

const LINK = /(?<!`)!?\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)]*\)/g
const ELSEWHERE = /^[a-z][a-z0-9+.-]*:/i

/**
 * Finds links inside the repository that lead nowhere: to a file or folder that does not exist, or to a heading that
 * the document does not have.
 *
 * @param files the repository's files; only Markdown is read
 * @param exists whether a path relative to the root is a file or folder
 */
export function checkMarkdownLinks(
  files: readonly SourceFile[],
  exists: (path: string) => boolean,
): Problem[] {
  const documents = new Map(
    files.filter(({ path }) => path.endsWith('.md')).map(({ path, text }) => [path, prose(text)]),
  )
  return [...documents].flatMap(([path, text]) =>
    [...text.matchAll(LINK)].flatMap(([, link = '']) => {
      if (ELSEWHERE.test(link)) return []
      const [file = '', fragment] = decodeURI(link).split('#')
      const target = targetOf(path, file)
      if (!exists(target)) return [`${path}: ${link} does not exist`]
      const document = documents.get(target)
      if (fragment === undefined || document === undefined) return []
      return headings(document).has(fragment) ? [] : [`${path}: ${link} has no such heading`]
    }),
  )
}

function targetOf(from: string, link: string): string {
  if (link === '') return from
  return link.startsWith('/') ? link.slice(1) : posix.join(posix.dirname(from), link)
}

/** Without code, where brackets mean other things. */
const prose = (text: string): string => text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '')

/** The anchors that GitHub makes of headings. */
function headings(text: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, title = ''] of text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = title.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '')
    const anchor = plain.trim().replaceAll(' ', '-')
    let unique = anchor
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`
    anchors.add(unique)
  }
  return anchors
}
