import type { Problem, SourceFile } from './source-file.ts'

/** A lockfile that names a host installs from that host only. */
export function checkLockfile(file: SourceFile): Problem[] {
  return lineProblems(file, /https?:\/\/|\btarball:/, 'names a registry')
}

/** Folders that exist on one person's machine; a path below one works nowhere else. */
const MACHINE_PATH = /(?<![\w.:/-])\/(?:work|root|home\/(?!node\b)\w+|Users\/\w+)\/[\w.-]+/

/** Finds absolute paths of somebody's machine. */
export function checkMachinePaths(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => lineProblems(file, MACHINE_PATH, 'is a path of one machine'))
}

function lineProblems({ path, text }: SourceFile, pattern: RegExp, what: string): Problem[] {
  return text.split('\n').flatMap((line, index) => {
    const found = pattern.exec(line)
    return found === null ? [] : [`${path}:${index + 1}: ${found[0]} ${what}`]
  })
}
