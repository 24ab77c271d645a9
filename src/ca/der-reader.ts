/** One DER element: its tag byte, its contents, and all of it. */
export interface Element {
  readonly tag: number
  readonly contents: Uint8Array
  readonly whole: Uint8Array
}

/**
 * Reads the element at the start of `bytes` (X.690 8.1, definite lengths and
 * one-byte tags only, which is all that X.509 uses). Throws RangeError when it
 * is cut short. Only the operator's own CA certificates, which OpenSSL has
 * accepted before, and keys that Node exported come here.
 */
export function readElement(bytes: Uint8Array): Element {
  const tag = byteAt(bytes, 0)
  const first = byteAt(bytes, 1)
  let start = 2
  let length = first

  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new RangeError('DER length is not definite')
    start += count
    length = 0
    for (let i = 2; i < start; i++) length = length * 256 + byteAt(bytes, i)
  }

  const end = start + length
  if (end > bytes.length) throw new RangeError('DER element is cut short')
  return { tag, contents: bytes.subarray(start, end), whole: bytes.subarray(0, end) }
}

/** The elements that a constructed element consists of. */
export function readElements(contents: Uint8Array): Element[] {
  const elements: Element[] = []
  for (let rest = contents; rest.length > 0; ) {
    const element = readElement(rest)
    elements.push(element)
    rest = rest.subarray(element.whole.length)
  }
  return elements
}

/** A small unsigned INTEGER. */
export function readInteger(element: Element): number {
  return element.contents.reduce((value, byte) => value * 256 + byte, 0)
}

function byteAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index]
  if (byte === undefined) throw new RangeError('DER element is cut short')
  return byte
}
