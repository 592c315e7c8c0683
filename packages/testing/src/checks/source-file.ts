/** A text file of the repository. */
export interface SourceFile {
  /** Relative to the repository's root, with `/`. */
  path: string
  text: string
}

/** What is wrong, in one line that begins with the file. */
export type Problem = string
