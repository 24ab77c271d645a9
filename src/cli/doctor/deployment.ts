import type { Deployment } from '../../daemon/deployment.ts'
import { describeError } from '../../kernel/error.ts'
import type { Finding } from './finding.ts'

const TIMEOUT_MS = 10_000

export type CallerFacts =
  | { readonly kind: 'no-token' }
  | { readonly kind: 'known'; readonly user: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'unasked'; readonly detail: string }

/** Whether the deployment knows whoever asks, by the token of its own command line. */
export async function gatherCaller(
  deployment: Pick<Deployment, 'whoIs'>,
  token: string | undefined,
): Promise<CallerFacts> {
  if (token === undefined || token === '') return { kind: 'no-token' }
  try {
    const user = await deployment.whoIs(token, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
      via: [],
    })
    return user === undefined ? { kind: 'unknown' } : { kind: 'known', user }
  } catch (error) {
    return { kind: 'unasked', detail: describeError(error) }
  }
}

export function judgeCaller(facts: CallerFacts, accessUrl: string): Finding {
  const about = 'callers'
  switch (facts.kind) {
    case 'known':
      return { about, state: 'ok', text: `${accessUrl} knows CODER_SESSION_TOKEN as ${facts.user}` }
    case 'no-token':
      return {
        about,
        state: 'warning',
        text: `nobody was looked up at ${accessUrl}`,
        fix: 'put a token of its user into CODER_SESSION_TOKEN and ask again',
      }
    case 'unknown':
      return {
        about,
        state: 'failed',
        text: `${accessUrl} does not know CODER_SESSION_TOKEN`,
        fix: 'make a new token there (coder tokens create, or aibridgeproxyd token create)',
      }
    case 'unasked':
      return {
        about,
        state: 'failed',
        text: `${accessUrl} cannot be asked about users: ${facts.detail}`,
        fix: 'check CODER_ACCESS_URL; its API must answer GET /api/v2/users/me',
      }
  }
}
