import type { X509Certificate } from 'node:crypto'
import { type Element, readElement, readElements, readInteger } from './der-reader.ts'
import { objectIdentifier, toDer } from './der-writer.ts'
import { EXTENSION } from './extensions.ts'
import { type NameConstraints, readNameConstraints } from './name-constraints.ts'
import { keyIdentifier } from './sign-certificate.ts'

/** What Node's X509Certificate does not tell about a CA certificate. */
export interface CertificateFacts {
  /** DER of the subject: a leaf's issuer must be the same byte for byte. */
  readonly subject: Uint8Array
  readonly keyId: Uint8Array
  readonly hasKeyId: boolean
  /** Basic constraints say CA:TRUE. Node's own `ca` also looks at the key usage. */
  readonly isAuthority: boolean
  /** Without the extension any use is allowed. */
  readonly keyUsage: { readonly certSign: boolean } | undefined
  readonly pathLength: number | undefined
  readonly nameConstraints: NameConstraints | undefined
}

/**
 * Reads the certificate's own DER. It holds the operator's CA files only;
 * nothing that a client or a server sent comes here. Throws RangeError when
 * the structure is not that of RFC 5280 4.1.
 */
export function readCertificateFacts(certificate: X509Certificate): CertificateFacts {
  const body = readElements(readElement(readElement(certificate.raw).contents).contents)
  const afterVersion = body[0]?.tag === 0xa0 ? body.slice(1) : body
  const subject = afterVersion[4]
  const publicKey = afterVersion[5]
  if (subject === undefined || publicKey === undefined) {
    throw new RangeError('the certificate has no subject or no key')
  }

  const list = afterVersion.find(element => element.tag === 0xa3)
  const extensions = list === undefined ? [] : readElements(readElement(list.contents).contents)
  const valueOf = (oid: string): Element | undefined => extensionValue(extensions, oid)

  const keyId = valueOf(EXTENSION.subjectKeyIdentifier)?.contents
  const usage = valueOf(EXTENSION.keyUsage)
  const constraints = valueOf(EXTENSION.nameConstraints)
  const basicConstraints = valueOf(EXTENSION.basicConstraints)
  const basic = basicConstraints === undefined ? [] : readElements(basicConstraints.contents)
  return {
    subject: subject.whole,
    keyId: keyId ?? keyIdentifier(publicKey.whole),
    hasKeyId: keyId !== undefined,
    // The first byte of a BIT STRING counts unused bits; keyCertSign is bit 5.
    keyUsage: usage && { certSign: ((usage.contents[1] ?? 0) & 0x04) !== 0 },
    isAuthority: basic.some(part => part.tag === 0x01 && part.contents[0] !== 0),
    pathLength: readPathLength(basic),
    nameConstraints: constraints && readNameConstraints(constraints),
  }
}

function extensionValue(extensions: readonly Element[], oid: string): Element | undefined {
  const wanted = toDer(objectIdentifier(oid))
  for (const extension of extensions) {
    const parts = readElements(extension.contents)
    const value = parts.at(-1)
    if (parts[0] === undefined || value === undefined) continue
    if (wanted.equals(parts[0].whole)) return readElement(value.contents)
  }
  return undefined
}

function readPathLength(basicConstraints: readonly Element[]): number | undefined {
  const element = basicConstraints.find(part => part.tag === 0x02)
  return element && readInteger(element)
}
