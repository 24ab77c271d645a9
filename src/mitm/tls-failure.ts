import { errorCode } from '../kernel/error.ts'

/** Why TLS with a client failed: a stable code, and what the operator reads in the log. */
export const TLS_FAILURES = {
  ca_not_trusted:
    'The client rejected our certificate, or closed as soon as it had seen it: run `aibridgeproxyd env` in its shell.',
  no_shared_protocol: 'The client offers neither TLS 1.2 nor TLS 1.3.',
  no_shared_cipher: 'The client offers no AEAD cipher.',
  no_shared_alpn: 'The client insists on another protocol than HTTP/2 and HTTP/1.1.',
  not_tls: 'What the client sent after CONNECT is not TLS.',
  handshake_timeout: 'The client did not finish the handshake in time.',
  closed: 'The client went away during the handshake.',
  other: 'Another TLS failure.',
} as const

export type TlsFailure = keyof typeof TLS_FAILURES

/** OpenSSL's reason strings, by the part that is stable across its versions. */
const PATTERNS: readonly (readonly [pattern: RegExp, failure: TlsFailure])[] = [
  [/ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|CERTIFICATE_EXPIRED)/, 'ca_not_trusted'],
  [/NO_APPLICATION_PROTOCOL/, 'no_shared_alpn'],
  [/UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|ALERT_PROTOCOL_VERSION/, 'no_shared_protocol'],
  [/NO_SHARED_CIPHER|NO_SUITABLE_(KEY_SHARE|SIGNATURE)/, 'no_shared_cipher'],
  [
    /HTTP_REQUEST|HTTPS_PROXY_REQUEST|WRONG_VERSION_NUMBER|RECORD_LAYER|PACKET_LENGTH|UNEXPECTED_MESSAGE|BAD_RECORD_TYPE/,
    'not_tls',
  ],
  [/ECONNRESET|EPIPE|ECONNABORTED/, 'closed'],
]

/** Maps a handshake error to the closed set; an absent one is a silent close. */
export function classifyTlsFailure(error: Error | undefined): TlsFailure {
  if (error === undefined) return 'closed'
  const text = `${errorCode(error) ?? ''} ${error.message.toUpperCase().replaceAll(' ', '_')}`
  return PATTERNS.find(([pattern]) => pattern.test(text))?.[1] ?? 'other'
}
