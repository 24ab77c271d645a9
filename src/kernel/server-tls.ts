import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'

const SUITES = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

/**
 * What we accept as a TLS server, towards clients of the TLS listener and inside
 * intercepted connections alike: TLS 1.2 and 1.3 with forward secrecy and AEAD
 * suites only (RFC 9325 4.2), no renegotiation, no compression.
 */
export const SERVER_TLS: SecureContextOptions = {
  minVersion: 'TLSv1.2',
  ciphers: SUITES.join(':'),
  honorCipherOrder: true,
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION,
}
