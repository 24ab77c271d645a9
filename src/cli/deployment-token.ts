import { ConfigurationError } from '../kernel/error.ts'
import { Secret } from '../kernel/secret.ts'
import type { CliContext } from './context.ts'

/**
 * In remote mode callers are users of the deployment, and only it can make
 * their tokens: the one that its own command line uses, unless given another.
 */
export function deploymentToken(env: CliContext['env'], accessUrl: string): Secret {
  const token = env['CODER_SESSION_TOKEN']
  if (token !== undefined && token !== '') return new Secret(token)
  throw new ConfigurationError([
    `callers are users of ${accessUrl} (CODER_AIBRIDGE_ENABLED=false): give a token of yours there in CODER_SESSION_TOKEN`,
  ])
}
