import { headerPairs, type RawHeaders } from '../../kernel/headers.ts'
import { unescaped } from '../../kernel/percent.ts'
import { maskCredential } from '../../kernel/secret.ts'
import { redact } from '../redact.ts'

/** Names of headers whose values are credentials, or ask for them. */
const SECRET_HEADER =
  /(?:^|-)(?:auth|authorization|authenticate|cookie|(?:api|auth|access|subscription)-?key|token|secret|signature|credential|password)$/
/** Names of parameters of a query; AWS signs in them, Google has its key there. */
const SECRET_PARAMETER = /(?:key|token|sig|signature|secret|credential|password)$/i

/** The head of a request as text, in HTTP/1.1's terms, without its secrets. */
export function maskedRequestHead(request: {
  readonly method: string
  readonly path: string
  readonly headers: RawHeaders
}): string {
  const { method, path, headers } = request
  return `${method} ${maskedPath(path)} HTTP/1.1\r\n${maskedHeaders(headers)}\r\n`
}

/** The same of an answer. */
export function maskedAnswerHead(answer: {
  readonly status: number
  readonly statusText: string
  readonly headers: RawHeaders
}): string {
  const { status, statusText, headers } = answer
  return `HTTP/1.1 ${status} ${statusText}\r\n${maskedHeaders(headers)}\r\n`
}

function maskedHeaders(headers: RawHeaders): string {
  const lines = headerPairs(headers).map(([name, value]) => {
    const isSecret = SECRET_HEADER.test(name.toLowerCase())
    // What is a secret by its shape is one under any name.
    return `${name}: ${isSecret ? maskCredential(value) : redact(value)}\r\n`
  })
  return lines.join('')
}

function maskedPath(path: string): string {
  const masked = path.replaceAll(/([?&])([^=&]*)=([^&]*)/g, (all, mark, name, value) =>
    SECRET_PARAMETER.test(unescaped(name) ?? name)
      ? `${mark}${name}=${maskCredential(value)}`
      : all,
  )
  return redact(masked)
}
