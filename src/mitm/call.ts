import { randomUUID } from 'node:crypto'
import type { Call, ConnectRequest, Verdict } from '../kernel/flow.ts'
import { firstHeader } from '../kernel/headers.ts'
import type { Reason } from '../kernel/reasons.ts'
import { headFault, pathFault, type RequestHead } from '../kernel/request-head.ts'
import { type Host, hostText, parseHostHeader, type Target } from '../kernel/target.ts'

/** What CONNECT fixed for everything that comes through the connection. */
export interface Interception {
  readonly connect: ConnectRequest
  readonly verdict: Extract<Verdict, { kind: 'intercept' }>
  /** The name in the ClientHello; `undefined` when there was none. */
  readonly servername: string | undefined
}

const HTTPS_PORT = 443

/**
 * Whether a decrypted request may go on. Identity, host and provider are fixed
 * at CONNECT: what the request says can only contradict them, never choose.
 */
export function judgeRequest(
  head: RequestHead,
  session: Interception,
  upgrade = false,
): Reason | undefined {
  const fault = headFault(head, upgrade)
  if (fault !== undefined) return fault
  const { target } = session.connect
  if (session.servername !== undefined && !namesHost(session.servername, target.host)) {
    return 'target_mismatch'
  }
  return hostFault(head, target) ?? pathFault(head.path)
}

function hostFault({ headers, version }: RequestHead, target: Target): Reason | undefined {
  const host = firstHeader(headers, 'host')
  // RFC 9112 3.2: required in HTTP/1.1; in HTTP/2 `:authority` stands for it.
  if (host === undefined) return version === '1.0' ? undefined : 'request_malformed'
  const parsed = parseHostHeader(host, HTTPS_PORT)
  if (!parsed.ok) return 'target_mismatch'
  const named = parsed.target
  const samePort = named.port === target.port || !/:\d+$/.test(host)
  return samePort && sameHost(named.host, target.host) ? undefined : 'target_mismatch'
}

function sameHost(a: Host, b: Host): boolean {
  return hostText(a) === hostText(b)
}

function namesHost(servername: string, host: Host): boolean {
  return servername.toLowerCase() === hostText(host)
}

/** The call that the bridge gets. */
export function toCall(
  { version, method, path, headers }: RequestHead,
  session: Interception,
  rest: Pick<Call, 'body' | 'upgrade' | 'inform' | 'signal'>,
): Call {
  return {
    id: randomUUID(),
    connectId: session.connect.id,
    provider: session.verdict.provider,
    caller: session.connect.caller,
    peer: session.connect.peer,
    host: session.verdict.host,
    target: session.connect.target,
    protocol: version === '2' ? 'h2' : 'http/1.1',
    method,
    path,
    headers,
    ...rest,
  }
}
