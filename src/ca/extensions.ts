import {
  bitString,
  boolean,
  contextPrimitive,
  type Der,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  toDer,
} from './der-writer.ts'
import type { HostForm } from './host-form.ts'

/** Object identifiers of RFC 5280 4.2. */
export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const

export const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** Named bits of KeyUsage, counted from the left (RFC 5280 4.2.1.3). */
const DIGITAL_SIGNATURE = 0x80
const CERT_SIGN = 0x04
const CRL_SIGN = 0x02

export function authorityBasicConstraints(pathLength: number): Der {
  return extension(
    EXTENSION.basicConstraints,
    sequence(boolean(true), integer(pathLength)),
    'critical',
  )
}

/** CA:FALSE is the default value, which DER leaves out. */
export function leafBasicConstraints(): Der {
  return extension(EXTENSION.basicConstraints, sequence(), 'critical')
}

export function authorityKeyUsage(): Der {
  return extension(EXTENSION.keyUsage, bitString(Buffer.of(CERT_SIGN | CRL_SIGN), 1), 'critical')
}

export function leafKeyUsage(): Der {
  return extension(EXTENSION.keyUsage, bitString(Buffer.of(DIGITAL_SIGNATURE), 7), 'critical')
}

export function serverAuthOnly(): Der {
  return extension(EXTENSION.extendedKeyUsage, sequence(objectIdentifier(SERVER_AUTH)))
}

export function subjectKeyIdentifier(keyId: Uint8Array): Der {
  return extension(EXTENSION.subjectKeyIdentifier, octetString(keyId))
}

export function authorityKeyIdentifier(keyId: Uint8Array): Der {
  return extension(EXTENSION.authorityKeyIdentifier, sequence(contextPrimitive(0, keyId)))
}

/** Critical when the subject is empty (RFC 5280 4.1.2.6). */
export function subjectAltName(host: HostForm, criticality: 'critical' | 'plain'): Der {
  const name =
    host.kind === 'dns'
      ? contextPrimitive(2, Buffer.from(host.name, 'latin1'))
      : contextPrimitive(7, host.bytes)
  return extension(EXTENSION.subjectAltName, sequence(name), criticality)
}

export function criticalNameConstraints(value: Der): Der {
  return extension(EXTENSION.nameConstraints, value, 'critical')
}

function extension(oid: string, value: Der, criticality: 'critical' | 'plain' = 'plain'): Der {
  return sequence(
    objectIdentifier(oid),
    ...(criticality === 'critical' ? [boolean(true)] : []),
    octetString(toDer(value)),
  )
}
