import { startSupervised } from '../launcher/supervised.ts'
import { repositoryRoot } from '../paths.ts'
import { onEnd } from './lifetime.ts'

/**
 * Runs a program at the repository's root with this command's own output streams. It and all it starts end with this
 * command.
 *
 * @returns its exit code; 1 when it was killed
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<number> {
  const running = startSupervised(program, args, { cwd: repositoryRoot, env, output: 'inherit' })
  onEnd(() => void running.stop().finally(() => process.exit(130)))
  return (await running.exited) ?? 1
}
