import { firstHeader, type RawHeaders } from '../kernel/headers.ts'

/**
 * Prefixes of the lower-cased User-Agent, first match wins (names as in Coder's
 * records). Copilot's CLI has three: for models, for MCP and for GitHub's API.
 */
const AGENTS: readonly (readonly [prefix: string, client: string])[] = [
  ['mux/', 'Mux'],
  ['claude', 'Claude Code'],
  ['codex', 'Codex'],
  ['zed/', 'Zed'],
  ['githubcopilotchat/', 'GitHub Copilot (VS Code)'],
  ['copilot/', 'GitHub Copilot (CLI)'],
  ['copilot-cli/', 'GitHub Copilot (CLI)'],
  ['githubcopilotcli', 'GitHub Copilot (CLI)'],
  ['kilo-code/', 'Kilo Code'],
  ['roo-code/', 'Roo Code'],
  ['coder-agents/', 'Coder Agents'],
  ['charm crush/', 'Charm Crush'],
  ['charm-crush/', 'Charm Crush'],
  ['opencode/', 'OpenCode'],
]

const ORIGINATORS: Readonly<Record<string, string>> = {
  'kilo-code': 'Kilo Code',
  'roo-code': 'Roo Code',
}

/** Which agent sends a call, from a closed set of names; `Unknown` otherwise. */
export function detectClient(headers: RawHeaders): string {
  const agent = firstHeader(headers, 'user-agent')?.toLowerCase() ?? ''
  const known = AGENTS.find(([prefix]) => agent.startsWith(prefix))?.[1]
  if (known !== undefined) return known
  const originator = firstHeader(headers, 'originator')?.toLowerCase() ?? ''
  const named = Object.hasOwn(ORIGINATORS, originator) ? ORIGINATORS[originator] : undefined
  if (named !== undefined) return named
  return firstHeader(headers, 'x-cursor-client-version') === undefined ? 'Unknown' : 'Cursor'
}
