import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { Der } from '../../src/ca/der-writer.ts'
import {
  authorityBasicConstraints,
  authorityKeyIdentifier,
  authorityKeyUsage,
  leafBasicConstraints,
  serverAuthOnly,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/ca/extensions.ts'
import { encodePem } from '../../src/ca/pem.ts'
import { distinguishedName, keyIdentifier, signCertificate } from '../../src/ca/sign-certificate.ts'

export interface Organisation {
  readonly rootPem: string
  /** What the root issued for us, and its key. */
  readonly caPem: string
  readonly caKeyPem: string
  /** What it issued for a server of its own, `localhost`. */
  readonly server: { readonly cert: string; readonly key: string }
}

export async function makeOrganisation(): Promise<Organisation> {
  const now = Date.now()
  const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [root, ca, other] = [pair(), pair(), pair()]
  const der = (key: KeyObject) => key.export({ type: 'spki', format: 'der' })
  const pem = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' })
  const issue = async (name: string, subject: typeof root, extensions: readonly Der[]) =>
    encodePem(
      'CERTIFICATE',
      await signCertificate(
        {
          issuer: distinguishedName('Example Root'),
          subject: distinguishedName(name),
          publicKey: der(subject.publicKey),
          notBefore: now - 3_600_000,
          notAfter: now + 86_400_000,
          extensions: [
            ...extensions,
            subjectKeyIdentifier(keyIdentifier(der(subject.publicKey))),
            authorityKeyIdentifier(keyIdentifier(der(root.publicKey))),
          ],
        },
        root.privateKey,
      ),
    )
  const authority = (below: number) => [authorityBasicConstraints(below), authorityKeyUsage()]
  const forServer = [
    leafBasicConstraints(),
    serverAuthOnly(),
    subjectAltName({ kind: 'dns', name: 'localhost' }, 'plain'),
  ]
  return {
    rootPem: await issue('Example Root', root, authority(1)),
    caPem: await issue('Example Proxy CA', ca, authority(0)),
    caKeyPem: pem(ca.privateKey),
    server: { cert: await issue('localhost', other, forServer), key: pem(other.privateKey) },
  }
}
