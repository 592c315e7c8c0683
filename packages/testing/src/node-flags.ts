/**
 * The flags with which this Node runs a TypeScript file: none from 22.18 on.
 *
 * @param version such as `22.12.0`
 */
export function typeScriptFlags(version = process.versions.node): string[] {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const quiet = '--disable-warning=ExperimentalWarning'
  return major > 22 || minor >= 18 ? [quiet] : [quiet, '--experimental-strip-types']
}
