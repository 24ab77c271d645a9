import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { filterHeaders, headerPairs, type RawHeaders } from '../../kernel/headers.ts'
import type { AwsCredentials } from './credentials.ts'

interface SignableRequest {
  readonly method: string
  /** Path and query, byte for byte as they go out. */
  readonly path: string
  /** With Host; without a signature. */
  readonly headers: RawHeaders
  /** Hex SHA-256 of the body. */
  readonly bodyHash: string
}

/** Key material, as the signer takes it. */
type SourceData = string | ArrayBuffer | ArrayBufferView

/** Gives the headers with a signature among them. */
export type Sign = (request: SignableRequest) => Promise<string[]>

/** What a signature consists of beside `Authorization`. */
const SIGNATURE = new Set(['x-amz-date', 'x-amz-security-token', 'x-amz-content-sha256'])

/**
 * AWS Signature Version 4
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html)
 * over Host, Content-Type and every `x-amz-` header; others may change on the way.
 */
export function createSign(service: string, region: string, credentials: AwsCredentials): Sign {
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
  return async ({ method, path, headers, bodyHash }) => {
    const kept = filterHeaders(headers, name => !SIGNATURE.has(name))
    const signed = await signer.sign({
      method,
      protocol: 'https:',
      hostname: '',
      path: path.split('?', 1)[0] ?? path,
      query: queryOf(path),
      headers: { ...signable(kept), 'x-amz-content-sha256': bodyHash },
    })
    const added = Object.entries(signed.headers).filter(
      ([name]) => SIGNATURE.has(name) || name === 'authorization',
    )
    return [...kept, ...added.flat()]
  }
}

function signable(headers: RawHeaders): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of headerPairs(headers)) {
    const key = name.toLowerCase()
    if (key !== 'host' && key !== 'content-type' && !key.startsWith('x-amz-')) continue
    found[key] = found[key] === undefined ? value : `${found[key]},${value}`
  }
  return found
}

function queryOf(path: string): Record<string, string[]> {
  const at = path.indexOf('?')
  const parameters = new URLSearchParams(at < 0 ? '' : path.slice(at + 1))
  const query: Record<string, string[]> = {}
  for (const name of new Set(parameters.keys())) query[name] = parameters.getAll(name)
  return query
}

/** The hash that the signer asks for, by `node:crypto`. */
class Sha256 {
  readonly #secret: SourceData | undefined
  #hash: Hash | Hmac

  constructor(secret?: SourceData) {
    this.#secret = secret
    this.#hash = this.#create()
  }

  update(data: Uint8Array): void {
    this.#hash.update(data)
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest()
  }

  reset(): void {
    this.#hash = this.#create()
  }

  #create(): Hash | Hmac {
    const secret = this.#secret
    return secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret))
  }
}

function bytesOf(data: SourceData): Buffer {
  if (typeof data === 'string') return Buffer.from(data)
  return ArrayBuffer.isView(data)
    ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
    : Buffer.from(data)
}
