import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { promisify } from 'node:util'
import { readElement, readElements } from './der-reader.ts'
import {
  bitString,
  contextConstructed,
  type Der,
  encoded,
  integer,
  objectIdentifier,
  sequence,
  set,
  time,
  toDer,
  utf8String,
} from './der-writer.ts'

export interface CertificateFields {
  /** DER of the names and of the SubjectPublicKeyInfo. */
  readonly issuer: Uint8Array
  readonly subject: Uint8Array
  readonly publicKey: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly extensions: readonly Der[]
}

const COMMON_NAME = '2.5.4.3'
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2'
const RSA_WITH_SHA256 = '1.2.840.113549.1.1.11'

const signOnThread = promisify(sign)

/** Writes an X.509 v3 certificate (RFC 5280 4.1), signs it, and returns its DER. */
export async function signCertificate(
  fields: CertificateFields,
  signer: KeyObject,
): Promise<Buffer> {
  const algorithm = signatureAlgorithm(signer)
  const body = toDer(
    sequence(
      contextConstructed(0, integer(2)),
      integer(randomSerial()),
      algorithm,
      encoded(fields.issuer),
      sequence(time(fields.notBefore), time(fields.notAfter)),
      encoded(fields.subject),
      encoded(fields.publicKey),
      contextConstructed(3, sequence(...fields.extensions)),
    ),
  )
  const signature = await signBody(body, signer)
  return toDer(sequence(encoded(body), algorithm, bitString(signature)))
}

/** A distinguished name with a common name only; empty without one. */
export function distinguishedName(commonName: string | undefined): Buffer {
  if (commonName === undefined) return toDer(sequence())
  return toDer(sequence(set(sequence(objectIdentifier(COMMON_NAME), utf8String(commonName)))))
}

/** SHA-1 of the public key's bits: method 1 of RFC 5280 4.2.1.2, an identifier only. */
export function keyIdentifier(publicKey: Uint8Array): Buffer {
  const bits = readElements(readElement(publicKey).contents)[1]?.contents ?? publicKey
  return createHash('sha1').update(bits.subarray(1)).digest()
}

/**
 * 16 bytes, positive, of one length: the first is 0x40 to 0x7f. That leaves
 * 126 random bits; CA/Browser rules ask for 64, RFC 5280 for at most 20 bytes.
 */
function randomSerial(): Buffer {
  const serial = randomBytes(16)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

/** ECDSA takes 30 µs; RSA takes milliseconds and goes to the thread pool. */
async function signBody(body: Buffer, signer: KeyObject): Promise<Buffer> {
  if (signer.asymmetricKeyType === 'ec') return sign('sha256', body, signer)
  return await signOnThread('sha256', body, signer)
}

function signatureAlgorithm(signer: KeyObject): Der {
  if (signer.asymmetricKeyType === 'ec') return sequence(objectIdentifier(ECDSA_WITH_SHA256))
  // RFC 4055 5: the parameters of RSA are NULL, not absent.
  return sequence(objectIdentifier(RSA_WITH_SHA256), encoded(Buffer.of(5, 0)))
}
