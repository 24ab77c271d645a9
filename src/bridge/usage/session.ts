import { firstHeader, headerValues, type RawHeaders } from '../../kernel/headers.ts'

/** Where each client says which session a call belongs to; first that is not blank. */
const SESSION_HEADERS: Readonly<Record<string, readonly string[]>> = {
  Mux: ['x-mux-workspace-id'],
  'Claude Code': ['x-claude-code-session-id'],
  Codex: ['session_id', 'session-id'],
  'GitHub Copilot (VS Code)': ['x-interaction-id'],
  'GitHub Copilot (CLI)': ['x-client-session-id'],
  'Kilo Code': ['x-kilocode-taskid'],
  'Coder Agents': ['x-coder-chat-id'],
  OpenCode: ['x-opencode-session', 'x-session-affinity'],
}

/** Clients whose request bodies carry the session when the header does not. */
const SESSION_IN_BODY = new Set(['Claude Code'])

/** More than any client sends; a header of ours must not bloat every row. */
const MAX_ID = 256

/**
 * The session a call belongs to, by the rule of its client (`detectClient`);
 * nobody else's header counts. `bodySessionId` is what the request's body said.
 */
export function sessionId(
  client: string,
  headers: RawHeaders,
  bodySessionId: string | null,
): string | null {
  const names = Object.hasOwn(SESSION_HEADERS, client) ? (SESSION_HEADERS[client] ?? []) : []
  for (const name of names) {
    const value = firstHeader(headers, name)?.trim()
    if (value !== undefined && value !== '') return value.slice(0, MAX_ID)
  }
  return SESSION_IN_BODY.has(client) ? (bodySessionId?.slice(0, MAX_ID) ?? null) : null
}

/** What Coder's agent firewall says of the process that a call comes from. */
export interface FirewallCorrelation {
  readonly sessionId: string
  /** Counts the session's requests; null when absent or not a number. */
  readonly sequence: number | null
}

/** Null unless the firewall has sent exactly one session id. */
export function firewallCorrelation(headers: RawHeaders): FirewallCorrelation | null {
  const ids = headerValues(headers, 'x-coder-agent-firewall-session-id')
  const id = ids[0]?.trim() ?? ''
  if (ids.length !== 1 || id === '' || id.length > MAX_ID) return null
  const text = firstHeader(headers, 'x-coder-agent-firewall-sequence-number')?.trim() ?? ''
  const sequence = /^\d{1,15}$/.test(text) ? Number(text) : null
  return { sessionId: id, sequence }
}
