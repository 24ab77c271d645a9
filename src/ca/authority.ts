import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { ConfigurationError } from '../kernel/error.ts'
import { type Chain, isSelfSigned, readAuthorityChain } from './authority-chain.ts'
import { chainProblems, chainWarnings, keyProblems } from './authority-checks.ts'
import { hostForm } from './host-form.ts'
import { constraintsPermit } from './name-constraints.ts'
import { pemBlocks } from './pem.ts'
import { readPrivateFile } from './private-file.ts'

/** The CA that signs leaves, loaded and checked. */
export interface Authority {
  readonly certFile: string
  readonly certificate: X509Certificate
  readonly key: KeyObject
  /** The signing CA alone: what may be handed out. */
  readonly certificatePem: string
  /** What a handshake sends after the leaf: no self-signed root. */
  readonly chainPem: string
  /** Every certificate of the file, and those it overlaps with: what a client has to trust. */
  readonly trustPem: string
  /** The signing CA, and those it overlaps with: whatever they issued is ours. */
  readonly own: readonly X509Certificate[]
  /** DER of the subject: the issuer of every leaf. */
  readonly subject: Uint8Array
  readonly keyId: Uint8Array
  /** The narrowest validity of the chain, in milliseconds. */
  readonly validFrom: number
  readonly expiresAt: number
  /** A leaf's subject would have to satisfy directory name constraints. */
  readonly constrainsSubjects: boolean
  /** For the operator's log. */
  readonly warnings: readonly string[]
  /** Whether the chain's name constraints allow a leaf for this host. */
  permits(host: string): boolean
}

export interface AuthorityFiles {
  readonly certFile: string
  readonly keyFile: string
}

export interface AuthorityContext {
  /** Every host that leaves will be minted for. */
  readonly hosts: readonly string[]
  /** Milliseconds. */
  readonly now: number
}

/**
 * Loads a CA: self-signed, or an intermediate with its chain after it in the
 * file. Throws ConfigurationError with all that is wrong with files, key,
 * certificates and name constraints.
 */
export async function loadAuthority(
  files: AuthorityFiles,
  context: AuthorityContext,
): Promise<Authority> {
  const [chain, key] = await settleBoth(
    readAuthorityChain(files.certFile),
    readPrivateKey(files.keyFile),
  )

  const authority = describeAuthority(files.certFile, chain, key)
  const problems = [
    ...chainProblems(files.certFile, chain, context.now),
    ...keyProblems(files, chain, key),
    ...hostProblems(authority, context.hosts),
  ]
  if (problems.length > 0) throw new ConfigurationError(problems)
  return authority
}

/** Whether every certificate of the chain allows a leaf for this host. */
function chainPermits(chain: Chain, host: string): boolean {
  const form = hostForm(host)
  return chain.every(
    ({ facts }) =>
      facts.nameConstraints === undefined || constraintsPermit(facts.nameConstraints, form),
  )
}

function describeAuthority(certFile: string, chain: Chain, key: KeyObject): Authority {
  const [signer] = chain
  return {
    certFile,
    certificate: signer.certificate,
    key,
    certificatePem: signer.pem,
    chainPem: chain
      .filter(link => !isSelfSigned(link))
      .map(link => link.pem)
      .join(''),
    trustPem: chain.map(link => link.pem).join(''),
    own: [signer.certificate],
    subject: signer.facts.subject,
    keyId: signer.facts.keyId,
    validFrom: Math.max(...chain.map(link => link.certificate.validFromDate.getTime())),
    expiresAt: Math.min(...chain.map(link => link.certificate.validToDate.getTime())),
    constrainsSubjects: chain.some(link => link.facts.nameConstraints?.subjects === true),
    warnings: chainWarnings(certFile, chain),
    permits: host => chainPermits(chain, host),
  }
}

async function readPrivateKey(file: string): Promise<KeyObject> {
  const blocks = pemBlocks(await readPrivateFile(file))
  const keys = blocks.filter(block => block.label.endsWith('PRIVATE KEY'))
  const [block] = keys
  if (block === undefined || keys.length > 1) {
    throw new ConfigurationError([
      `${file} holds ${keys.length} private keys in PEM: put exactly one there`,
    ])
  }
  if (block.label.startsWith('ENCRYPTED') || block.text.includes('Proc-Type: 4,ENCRYPTED')) {
    throw new ConfigurationError([
      `${file} is encrypted: decrypt it (openssl pkey -in ${file} -out plain.key) and protect it by its mode, 0600`,
    ])
  }
  try {
    return createPrivateKey(block.text)
  } catch {
    // The cause may quote the input; it stays here.
    throw new ConfigurationError([
      `${file} holds no readable private key: put the CA's key in PEM there`,
    ])
  }
}

function hostProblems(authority: Authority, hosts: readonly string[]): string[] {
  const missing = hosts.filter(host => !authority.permits(host))
  if (missing.length === 0) return []
  return [
    `${authority.certFile} does not permit ${missing.join(', ')} (name constraints): make one for the configured hosts with \`aibridgeproxyd ca rotate\`, give it to the clients, then \`--finish\` (\`ca init --force\` replaces it at once); with \`--unconstrained\` for any host. An organisation's CA has to be issued anew`,
  ]
}

/** Both results, or the problems of both. */
async function settleBoth<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second])
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value]

  const problems: string[] = []
  for (const result of [a, b]) {
    if (result.status === 'fulfilled') continue
    if (!(result.reason instanceof ConfigurationError)) throw result.reason
    problems.push(...result.reason.problems)
  }
  throw new ConfigurationError(problems)
}
