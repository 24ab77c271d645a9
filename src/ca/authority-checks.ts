import type { KeyObject } from 'node:crypto'
import { type Chain, type ChainLink, isSelfSigned, rsaBits } from './authority-chain.ts'
import { SERVER_AUTH } from './extensions.ts'

const ANY_PURPOSE = '2.5.29.37.0'
const MIN_RSA_BITS = 2048
const CURVES = ['prime256v1', 'secp384r1']

/** Signatures that clients no longer accept. */
const WEAK_SIGNATURE = /md2|md4|md5|sha1(?![0-9])/i

/**
 * What is wrong with a CA certificate, each problem with file and fix. Pure;
 * `now` in milliseconds.
 */
export function chainProblems(file: string, chain: Chain, now: number): string[] {
  return chain.flatMap((link, index) => [
    ...linkProblems(chainLabel(file, link, index), link, now),
    ...pathProblems(chainLabel(file, link, index), chain, index),
  ])
}

/** Whether the private key is one that can sign for this certificate. */
export function keyProblems(
  files: { certFile: string; keyFile: string },
  chain: Chain,
  key: KeyObject,
): string[] {
  if (!chain[0].certificate.checkPrivateKey(key)) {
    return [
      `${files.keyFile} is not the key of ${files.certFile}: put the pair that belongs together, the signing CA first in the file`,
    ]
  }
  return []
}

/**
 * What works with most clients but not with all: worth a line in the log, no
 * reason to refuse. The CA recipe that Coder documents is of this kind.
 */
export function chainWarnings(file: string, chain: Chain): string[] {
  return chain.flatMap((link, index) => {
    const label = chainLabel(file, link, index)
    const missing = [
      ...(link.facts.keyUsage === undefined ? ['key usage'] : []),
      ...(link.facts.hasKeyId ? [] : ['subject key identifier']),
    ]
    return missing.map(
      name =>
        `${label} has no ${name} extension: Python 3.13 and other strict clients will refuse it`,
    )
  })
}

function linkProblems(label: string, link: ChainLink, now: number): string[] {
  const { certificate, facts } = link
  return [
    ...(facts.isAuthority
      ? []
      : [`${label} is not a CA (basicConstraints CA:TRUE is missing): use a CA certificate`]),
    ...(facts.keyUsage?.certSign === false
      ? [
          `${label} may not sign certificates (keyUsage lacks keyCertSign): have it issued with keyCertSign`,
        ]
      : []),
    ...(allowsServers(certificate.keyUsage)
      ? []
      : [
          `${label} may not sign for servers (extendedKeyUsage lacks serverAuth): have it issued with serverAuth or without that extension`,
        ]),
    ...dateProblems(label, link, now),
    ...strengthProblems(label, link),
  ]
}

function dateProblems(label: string, { certificate }: ChainLink, now: number): string[] {
  if (now >= certificate.validToDate.getTime()) {
    return [
      `${label} expired on ${certificate.validToDate.toISOString()}: renew it (own CA: \`aibridgeproxyd ca init --force\`)`,
    ]
  }
  if (now < certificate.validFromDate.getTime()) {
    return [
      `${label} is not valid before ${certificate.validFromDate.toISOString()}: check the clock, or wait`,
    ]
  }
  return []
}

function strengthProblems(label: string, link: ChainLink): string[] {
  const key = link.certificate.publicKey
  const bits = rsaBits(key)
  const curve = key.asymmetricKeyDetails?.namedCurve
  const algorithm = link.certificate.signatureAlgorithm ?? ''
  return [
    ...(bits !== undefined && bits < MIN_RSA_BITS
      ? [`${label} has an RSA key of ${bits} bits: use 2048 or more, or P-256`]
      : []),
    ...(bits === undefined && !(curve !== undefined && CURVES.includes(curve))
      ? [
          `${label} has a key of type ${curve ?? key.asymmetricKeyType ?? 'unknown'}: use P-256 or RSA, which every client knows`,
        ]
      : []),
    // Nobody verifies a root's signature on itself, but a SHA-1 root is a
    // certificate from another age all the same.
    ...(WEAK_SIGNATURE.test(algorithm)
      ? [`${label} is signed with ${algorithm}: have it issued again with SHA-256`]
      : []),
  ]
}

/** Each certificate must be issued by the next, and allow what is below it. */
function pathProblems(label: string, chain: Chain, index: number): string[] {
  const link = chain[index]
  const issuer = chain[index + 1]
  if (link === undefined) return []

  const { pathLength } = link.facts
  const tooLong =
    pathLength !== undefined && pathLength < index
      ? [
          `${label} allows ${pathLength} CAs below it (pathlen) but the file has ${index}: have it issued with a longer path`,
        ]
      : []
  if (issuer === undefined || issues(issuer, link)) return tooLong
  return [
    ...tooLong,
    `${label} is not issued by the certificate after it: order the file from the signing CA up to the root`,
  ]
}

function issues(issuer: ChainLink, link: ChainLink): boolean {
  if (isSelfSigned(link)) return false
  return (
    link.certificate.checkIssued(issuer.certificate) &&
    link.certificate.verify(issuer.certificate.publicKey)
  )
}

function allowsServers(purposes: readonly string[] | undefined): boolean {
  return purposes === undefined || purposes.includes(SERVER_AUTH) || purposes.includes(ANY_PURPOSE)
}

function chainLabel(file: string, link: ChainLink, index: number): string {
  return index === 0
    ? file
    : `${file}: certificate ${index + 1} (${oneLine(link.certificate.subject)})`
}

/** Node gives `undefined` at run time for an empty subject. */
function oneLine(subject: string | undefined): string {
  return (subject ?? '').replaceAll('\n', ', ').slice(0, 200)
}
