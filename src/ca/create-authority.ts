import { createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { Der } from './der-writer.ts'
import {
  authorityBasicConstraints,
  authorityKeyIdentifier,
  authorityKeyUsage,
  criticalNameConstraints,
  subjectKeyIdentifier,
} from './extensions.ts'
import { nameConstraintsFor } from './name-constraints.ts'
import { encodePem } from './pem.ts'
import { distinguishedName, keyIdentifier, signCertificate } from './sign-certificate.ts'

export interface NewAuthority {
  /** The only hosts that the CA may sign for, unless it is unconstrained. */
  readonly hosts: readonly string[]
  readonly unconstrained?: boolean
  readonly keyType: 'ec' | 'rsa'
  readonly lifetimeDays: number
  /** Default: a name that tells one CA from the next in a trust store. */
  readonly commonName?: string
  /** Milliseconds. */
  readonly now: number
}

export interface AuthorityPems {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

export const DEFAULT_AUTHORITY_DAYS = 365

const DAY_MS = 24 * 60 * 60 * 1000
const RSA_BITS = 3072

const generateOnThread = promisify(generateKeyPair)

/**
 * Makes a self-signed CA: P-256 or RSA 3072, path length 0, good from a day ago
 * (clocks differ) for `lifetimeDays`. Throws RangeError for a host that no
 * certificate can name, and without hosts unless unconstrained. `existing` is a
 * key to make it for.
 */
export async function createAuthority(
  options: NewAuthority,
  existing?: KeyObject,
): Promise<AuthorityPems> {
  const constraints = constraintExtensions(options)
  const key = existing ?? (await generateAuthorityKey(options.keyType))
  const publicKey = createPublicKey(key).export({ type: 'spki', format: 'der' })
  const keyId = keyIdentifier(publicKey)
  const name = distinguishedName(
    options.commonName ?? `aibridgeproxyd CA ${keyId.toString('hex').slice(0, 8)}`,
  )

  const certificate = await signCertificate(
    {
      issuer: name,
      subject: name,
      publicKey,
      notBefore: options.now - DAY_MS,
      notAfter: options.now + options.lifetimeDays * DAY_MS,
      extensions: [
        authorityBasicConstraints(0),
        authorityKeyUsage(),
        subjectKeyIdentifier(keyId),
        authorityKeyIdentifier(keyId),
        ...constraints,
      ],
    },
    key,
  )
  return {
    certificatePem: encodePem('CERTIFICATE', certificate),
    privateKeyPem: key.export({ type: 'pkcs8', format: 'pem' }),
  }
}

function constraintExtensions(options: NewAuthority): Der[] {
  if (options.unconstrained === true) return []
  if (options.hosts.length === 0) {
    throw new RangeError('a constrained CA needs at least one host')
  }
  return [criticalNameConstraints(nameConstraintsFor(options.hosts))]
}

/** On the thread pool: an RSA key takes up to a second. */
async function generateAuthorityKey(type: 'ec' | 'rsa'): Promise<KeyObject> {
  const pair =
    type === 'ec'
      ? await generateOnThread('ec', { namedCurve: 'P-256' })
      : await generateOnThread('rsa', { modulusLength: RSA_BITS })
  return pair.privateKey
}
