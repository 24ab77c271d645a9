import { hash, type X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { ClientCertificateSettings } from '../config/settings.ts'
import type { Clock } from '../kernel/clock.ts'
import { Refusal } from '../kernel/error.ts'
import type { Caller, ClientCertificate, Identity } from '../kernel/flow.ts'
import { isUserName } from '../kernel/user.ts'

const KINDS = { 'san-uri': 'URI', 'san-email': 'email', 'san-dns': 'DNS' } as const

/** What a client showed in its TLS handshake; undefined where it showed nothing. */
export function shownBy(client: Socket): ClientCertificate | undefined {
  if (!(client instanceof TLSSocket)) return undefined
  const x509 = client.getPeerX509Certificate()
  if (x509 === undefined) return undefined
  const fault = client.authorized ? undefined : String(client.authorizationError)
  return { x509, fault }
}

interface CertifiedDeps {
  /** Undefined where certificates name nobody. */
  readonly settings: () => ClientCertificateSettings | undefined
  readonly clock: Pick<Clock, 'now'>
}

/**
 * The caller whom a certificate names. It counts until it expires or another
 * set of CAs is configured.
 * @throws Refusal `auth_invalid` for one that does not verify or names nobody
 */
export function certifiedCaller(
  { x509, fault }: ClientCertificate,
  { settings, clock }: CertifiedDeps,
): Caller | undefined {
  const rules = settings()
  if (rules === undefined) return undefined
  if (fault !== undefined) throw invalid(fault)
  const identity = identityOf(x509, rules)
  const until = x509.validToDate.getTime()
  const isValid = (): boolean => clock.now() < until && settings()?.caPem === rules.caPem
  // A resumed session has not looked at the clock again.
  if (!isValid()) throw invalid('expired')
  return { identity, token: undefined, isValid }
}

function identityOf(
  x509: X509Certificate,
  { userFrom, userPrefix }: ClientCertificateSettings,
): Identity {
  const names = userFrom === 'cn' ? commonNames(x509) : alternativeNames(x509, KINDS[userFrom])
  const [name] = names
  // Of several names each reader would take another.
  if (name === undefined || names.length > 1 || !isUserName(name)) {
    throw invalid(`its ${userFrom} is no name of a user, or not the only one`)
  }
  const user = userPrefix + name
  return { user, tokenId: `cert-${hash('sha256', user, 'hex').slice(0, 12)}`, admin: false }
}

function commonNames(x509: X509Certificate): readonly string[] {
  const { CN } = x509.toLegacyObject().subject
  return CN === undefined ? [] : [CN].flat()
}

/**
 * SECURITY: Node gives them as one text, and quotes what could be taken for its
 * commas (CVE-2021-44532): such a list is not read at all.
 */
function alternativeNames({ subjectAltName = '' }: X509Certificate, kind: string): string[] {
  if (subjectAltName.includes('"')) return []
  return subjectAltName
    .split(', ')
    .flatMap(entry => (entry.startsWith(`${kind}:`) ? [entry.slice(kind.length + 1)] : []))
}

function invalid(why: string): Refusal {
  return new Refusal('auth_invalid', `client certificate: ${why}`)
}
