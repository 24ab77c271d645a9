import { createPublicKey, generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { keyIdentifier } from './sign-certificate.ts'

/** The key pair that all leaves share. It lives in memory only. */
export interface LeafKey {
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer
  readonly keyId: Buffer
  /** `tls.createSecureContext` takes no KeyObject. */
  readonly privateKeyPem: string
}

const generateOnThread = promisify(generateKeyPair)

/** A fresh P-256 pair: one a process, since a pair per host would buy nothing. */
export async function generateLeafKey(): Promise<LeafKey> {
  const { privateKey } = await generateOnThread('ec', { namedCurve: 'P-256' })
  const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  return {
    publicKey,
    keyId: keyIdentifier(publicKey),
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  }
}
