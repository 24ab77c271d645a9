import { createHash } from 'node:crypto'
import aws4 from 'aws4'
import { firstHeader, headerValues } from '../../src/kernel/headers.ts'
import type { Exchange } from './provider-exchange.ts'

/** What the stub's account knows. */
export const AWS_KEYS = {
  id: 'AKIAIOSFODNN7EXAMPLE',
  secret: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
export const AWS_API_KEY = 'ABSK-own-api-key-0123456789'

type Signable = Pick<Exchange, 'method' | 'path' | 'rawHeaders' | 'request'>

const FORM =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/bedrock\/aws4_request, *SignedHeaders=([^,]+), *Signature=[0-9a-f]{64}$/
const FIVE_MINUTES_MS = 5 * 60_000

/**
 * Whether AWS would take the credential of a request: an API key, or a signature
 * that is the same when it is made again, with another library than the one we
 * sign with, over the headers that it names.
 */
export function isSigned(request: Signable): boolean {
  const authorization = firstHeader(request.rawHeaders, 'authorization') ?? ''
  if (authorization === `Bearer ${AWS_API_KEY}`) return true
  const [, id, day, region = '', names = ''] = FORM.exec(authorization) ?? []
  const signed = names.split(';')
  const isOurs = id === AWS_KEYS.id && signed.includes('host') && isCurrent(request, day)
  return isOurs && hashHolds(request) && signAgain(request, region, signed) === authorization
}

function isCurrent({ rawHeaders }: Signable, day: string | undefined): boolean {
  const date = firstHeader(rawHeaders, 'x-amz-date') ?? ''
  const [, ...parts] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date) ?? []
  const [year = 0, month = 0, ...rest] = parts.map(Number)
  const at = Date.UTC(year, month - 1, ...rest)
  return date.slice(0, 8) === day && Math.abs(Date.now() - at) < FIVE_MINUTES_MS
}

function hashHolds({ rawHeaders, request }: Signable): boolean {
  const hash = createHash('sha256').update(request.body).digest('hex')
  return (firstHeader(rawHeaders, 'x-amz-content-sha256') ?? hash) === hash
}

function signAgain(
  { method, path, rawHeaders, request }: Signable,
  region: string,
  signed: readonly string[],
): unknown {
  const headers = Object.fromEntries(
    signed.map(name => [name, headerValues(rawHeaders, name).join(',')]),
  )
  const unsigned = {
    method,
    path,
    service: 'bedrock',
    region,
    headers,
    body: request.body,
    extraHeadersToIgnore: { 'content-length': !signed.includes('content-length') },
  }
  const keys = { accessKeyId: AWS_KEYS.id, secretAccessKey: AWS_KEYS.secret }
  return aws4.sign(unsigned, keys).headers?.['Authorization']
}
