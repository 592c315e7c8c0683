/**
 * Ends the program with one line that says what is wrong and what to do.
 *
 * @param {string} line
 * @returns {never}
 */
export function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}
