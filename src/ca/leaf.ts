import type { Authority } from './authority.ts'
import { encoded, toDer } from './der-writer.ts'
import {
  authorityKeyIdentifier,
  leafBasicConstraints,
  leafKeyUsage,
  serverAuthOnly,
  subjectAltName,
  subjectKeyIdentifier,
} from './extensions.ts'
import { type HostForm, hostForm } from './host-form.ts'
import type { LeafKey } from './leaf-key.ts'
import { encodePem } from './pem.ts'
import { distinguishedName, signCertificate } from './sign-certificate.ts'

export interface Leaf {
  readonly certificatePem: string
  /** Milliseconds. */
  readonly validFrom: number
  readonly expiresAt: number
}

export interface LeafOptions {
  readonly key: LeafKey
  /** From notBefore to notAfter, in milliseconds; more than an hour. */
  readonly lifetimeMs: number
  readonly now: number
}

/** Clients' clocks may be behind ours. */
export const BACKDATED_MS = 60 * 60 * 1000

/** The same in every leaf, so written once. */
const COMMON_EXTENSIONS = [leafBasicConstraints(), leafKeyUsage(), serverAuthOnly()].map(
  extension => encoded(toDer(extension)),
)

/** Upper bound of a common name (RFC 5280 appendix A, ub-common-name). */
const MAX_COMMON_NAME = 64

/**
 * A server certificate for one host, signed by the CA and never valid outside
 * the CA's own dates. Throws RangeError for a host that no certificate can
 * name, that the CA does not permit, and for a CA that is not valid now.
 */
export async function mintLeaf(
  authority: Authority,
  host: string,
  { key, lifetimeMs, now }: LeafOptions,
): Promise<Leaf> {
  const form = hostForm(host)
  if (!authority.permits(host)) throw new RangeError(`the CA does not permit ${host}`)

  const validFrom = Math.max(wholeSeconds(now - BACKDATED_MS), authority.validFrom)
  const expiresAt = Math.min(wholeSeconds(now - BACKDATED_MS + lifetimeMs), authority.expiresAt)
  if (validFrom > now || expiresAt <= now) throw new RangeError('no leaf can be valid now')

  const commonName = commonNameFor(authority, form, host)
  const der = await signCertificate(
    {
      issuer: authority.subject,
      subject: distinguishedName(commonName),
      publicKey: key.publicKey,
      notBefore: validFrom,
      notAfter: expiresAt,
      extensions: [
        ...COMMON_EXTENSIONS,
        subjectAltName(form, commonName === undefined ? 'critical' : 'plain'),
        subjectKeyIdentifier(key.keyId),
        authorityKeyIdentifier(authority.keyId),
      ],
    },
    authority.key,
  )
  return { certificatePem: encodePem('CERTIFICATE', der), validFrom, expiresAt }
}

/**
 * Some clients show the common name, none needs it. An address there would be
 * read as a DNS name by clients that fall back to it, and a CA that constrains
 * directory names would not allow ours.
 */
function commonNameFor(authority: Authority, form: HostForm, host: string): string | undefined {
  if (form.kind === 'ip' || host.length > MAX_COMMON_NAME) return undefined
  return authority.constrainsSubjects ? undefined : host
}

/** Certificates have no fractions of seconds. */
function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000
}
