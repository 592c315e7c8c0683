/** Writes one line to the terminal; commands talk to a person, so they do not use the Workers' logger. */
export const say = (line = ''): void => {
  process.stdout.write(`${line}\n`)
}

/** Says in one line what is wrong and what to do, and ends the command. */
export function fail(line: string): never {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}

/** `1.2 s` */
export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
