export type Shell = 'sh' | 'fish' | 'powershell' | 'dotenv' | 'github'

export const SHELLS: readonly Shell[] = ['sh', 'fish', 'powershell', 'dotenv', 'github']

/** One variable in a shell's own words; the value is quoted so that it is taken literally. */
const WRITERS: Readonly<Record<Shell, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}='${value.replaceAll("'", `'\\''`)}'`,
  fish: (name, value) => `set -gx ${name} '${value.replaceAll(/[\\']/g, '\\$&')}'`,
  powershell: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
  dotenv: (name, value) => `${name}="${value.replaceAll(/[\\"$`]/g, '\\$&')}"`,
  // A line for $GITHUB_ENV; later steps of the job get it.
  github: (name, value) => `${name}=${value}`,
}

/** The variables as text that the shell evaluates. */
export function writeVariables(shell: Shell, variables: Readonly<Record<string, string>>): string {
  const write = WRITERS[shell]
  const lines = Object.entries(variables).map(([name, value]) => write(name, value))
  return `${lines.join('\n')}\n`
}
