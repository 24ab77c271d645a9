/**
 * Copilot is one provider here, with a host for each plan; Coder has a provider
 * for each, and names them so in the routes of its bridge.
 */
const NAMES: readonly (readonly [name: string, host: string])[] = [
  ['copilot-business', 'api.business.githubcopilot.com'],
  ['copilot-enterprise', 'api.enterprise.githubcopilot.com'],
]

interface Addressed {
  readonly provider: string
  readonly host: string
}

/** Under which name Coder's bridge serves a call that came for this host. */
export function coderName({ provider, host }: Addressed): string {
  const plan = NAMES.find(([, planHost]) => planHost === host)?.[0]
  return provider === 'copilot' && plan !== undefined ? plan : provider
}

/** The other way round: provider and host of a call to a route of Coder's name. */
export function fromCoderName<T extends Addressed>(call: T): T {
  const host = NAMES.find(([name]) => name === call.provider)?.[1]
  return host === undefined ? call : { ...call, provider: 'copilot', host }
}
