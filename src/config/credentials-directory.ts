import { readdirSync } from 'node:fs'
import { join } from 'node:path'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Secrets from systemd (`LoadCredential=CODER_AIBRIDGE_OPENAI_KEY:/path`): a
 * credential with the name of a variable counts as its `_FILE`, unless the
 * variable or its file is set.
 */
export function withCredentials(
  env: Environment,
  list: (directory: string) => readonly string[] = listDirectory,
): Environment {
  const directory = env['CREDENTIALS_DIRECTORY'] ?? ''
  if (directory === '') return env
  const names = list(directory).filter(
    name => name.startsWith('CODER_') && !env[name] && !env[`${name}_FILE`],
  )
  return {
    ...env,
    ...Object.fromEntries(names.map(name => [`${name}_FILE`, join(directory, name)])),
  }
}

function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}
