import asn1, { type Asn1 } from 'node-forge/lib/asn1.js'
import { readElement } from './der-reader.ts'

/** A DER element that is still to be written. */
export type Der = Asn1

// Classes (X.690 8.1.2.2) and universal types (X.680 8.4).
const UNIVERSAL = 0x00
const CONTEXT_SPECIFIC = 0x80
const BOOLEAN = 1
const INTEGER = 2
const BIT_STRING = 3
const OCTET_STRING = 4
const OBJECT_IDENTIFIER = 6
const UTF8_STRING = 12
const SEQUENCE = 16
const SET = 17
const UTC_TIME = 23
const GENERALIZED_TIME = 24

export function sequence(...elements: Der[]): Der {
  return asn1.create(UNIVERSAL, SEQUENCE, true, elements)
}

export function set(...elements: Der[]): Der {
  return asn1.create(UNIVERSAL, SET, true, elements)
}

export function boolean(value: boolean): Der {
  return primitive(BOOLEAN, value ? '\xff' : '\0')
}

/** A non-negative integer of at most 31 bits, or the bytes of a positive one. */
export function integer(value: number | Uint8Array): Der {
  return primitive(
    INTEGER,
    typeof value === 'number' ? asn1.integerToDer(value).getBytes() : binary(value),
  )
}

/** `unused`: how many bits at the end of the last byte do not count. */
export function bitString(bytes: Uint8Array, unused = 0): Der {
  return primitive(BIT_STRING, String.fromCharCode(unused) + binary(bytes))
}

export function octetString(bytes: Uint8Array): Der {
  return primitive(OCTET_STRING, binary(bytes))
}

export function objectIdentifier(dotted: string): Der {
  return primitive(OBJECT_IDENTIFIER, asn1.oidToDer(dotted).getBytes())
}

export function utf8String(text: string): Der {
  return primitive(UTF8_STRING, binary(Buffer.from(text, 'utf8')))
}

/** UTCTime up to 2049 and GeneralizedTime from 2050, as RFC 5280 4.1.2.5 wants. */
export function time(milliseconds: number): Der {
  const date = new Date(milliseconds)
  return date.getUTCFullYear() < 2050
    ? primitive(UTC_TIME, asn1.dateToUtcTime(date))
    : primitive(GENERALIZED_TIME, asn1.dateToGeneralizedTime(date))
}

/** `[tag] EXPLICIT` or a constructed `[tag] IMPLICIT`: the contents are elements. */
export function contextConstructed(tag: number, ...elements: Der[]): Der {
  return asn1.create(CONTEXT_SPECIFIC, tag, true, elements)
}

/** A primitive `[tag] IMPLICIT`: the contents are bytes. */
export function contextPrimitive(tag: number, bytes: Uint8Array): Der {
  return asn1.create(CONTEXT_SPECIFIC, tag, false, binary(bytes))
}

/**
 * An element that exists as DER already (a name, a public key) and must stay
 * the same byte for byte. Its whole tag byte goes in as the type.
 */
export function encoded(der: Uint8Array): Der {
  const element = readElement(der)
  return primitive(element.tag, binary(element.contents))
}

export function toDer(element: Der): Buffer {
  return Buffer.from(asn1.toDer(element).getBytes(), 'latin1')
}

function primitive(type: number, value: string): Der {
  return asn1.create(UNIVERSAL, type, false, value)
}

/** forge's strings hold one byte a character. */
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}
