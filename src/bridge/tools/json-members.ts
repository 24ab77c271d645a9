/** Where a member's value lies in the text: from its first byte to after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** No member that anybody asks for has a longer name. */
const MAX_NAME = 128

/**
 * Finds the members of a JSON object while its text arrives, without making a
 * value of it: a long prompt costs a look at each byte, spread over its pieces.
 * It does not judge the text inside the members; whoever reads it next does.
 */
export class JsonMembers {
  readonly #spans = new Map<string, Span>()
  readonly #repeated = new Set<string>()
  #offset = 0
  #depth = 0
  #inString = false
  #escaped = false
  #expecting: 'name' | 'value' = 'name'
  #name: number[] | undefined
  #lastName = ''
  #valueStart = -1
  #state: 'before' | 'inside' | 'after' | 'wrong' = 'before'

  push(bytes: Uint8Array): void {
    let at = 0
    while (at < bytes.length && this.#state !== 'wrong') {
      at = this.#inString ? this.#string(bytes, at) : this.#token(bytes, at)
    }
    this.#offset += bytes.length
  }

  /** The members of a whole object; undefined for anything else. */
  end(): ReadonlyMap<string, Span> | undefined {
    return this.#state === 'after' ? this.#spans : undefined
  }

  /** Readers differ in which of two members with one name they believe. */
  isRepeated(name: string): boolean {
    return this.#repeated.has(name)
  }

  #string(bytes: Uint8Array, from: number): number {
    let at = from
    if (this.#escaped) {
      this.#escaped = false
      this.#keep(bytes[at])
      at += 1
    }
    for (; at < bytes.length; at += 1) {
      const byte = bytes[at]
      if (byte === BACKSLASH) {
        this.#keep(byte)
        at += 1
        if (at === bytes.length) this.#escaped = true
        else this.#keep(bytes[at])
      } else if (byte === QUOTE) {
        this.#inString = false
        this.#stringEnded(this.#offset + at + 1)
        return at + 1
      } else if (this.#name !== undefined) {
        this.#keep(byte)
      }
    }
    return at
  }

  #keep(byte: number | undefined): void {
    if (this.#name !== undefined && byte !== undefined && this.#name.length <= MAX_NAME) {
      this.#name.push(byte)
    }
  }

  #stringEnded(end: number): void {
    if (this.#depth !== 1) return
    if (this.#name === undefined) {
      this.#valueEnded(end)
      return
    }
    this.#lastName = nameOf(this.#name)
    this.#name = undefined
  }

  #token(bytes: Uint8Array, at: number): number {
    const byte = bytes[at]
    if (byte === undefined || isSpace(byte)) {
      this.#primitiveEnded(at)
      return at + 1
    }
    if (this.#state === 'before') this.#begin(byte)
    else if (this.#state === 'after') this.#state = 'wrong'
    else if (this.#depth === 1) this.#member(byte, at)
    else this.#nested(byte, at)
    return at + 1
  }

  #begin(byte: number): void {
    this.#state = byte === OPEN_BRACE ? 'inside' : 'wrong'
    this.#depth = 1
  }

  #member(byte: number, at: number): void {
    switch (byte) {
      case COLON:
        this.#expecting = 'value'
        return
      case COMMA:
        this.#primitiveEnded(at)
        this.#expecting = 'name'
        return
      case CLOSE_BRACE:
        this.#primitiveEnded(at)
        this.#depth = 0
        this.#state = 'after'
        return
      case QUOTE:
        this.#inString = true
        if (this.#expecting === 'name') this.#name = []
        else this.#valueStart = this.#offset + at
        return
      default:
        if (this.#expecting === 'name') {
          this.#state = 'wrong'
          return
        }
        if (this.#valueStart < 0) this.#valueStart = this.#offset + at
        if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1
    }
  }

  #nested(byte: number, at: number): void {
    if (byte === QUOTE) this.#inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth += 1
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#depth -= 1
      if (this.#depth === 1) this.#valueEnded(this.#offset + at + 1)
    }
  }

  /** A number or a word ends with whatever follows it. */
  #primitiveEnded(at: number): void {
    if (this.#depth === 1 && this.#valueStart >= 0) this.#valueEnded(this.#offset + at)
  }

  #valueEnded(end: number): void {
    if (this.#spans.has(this.#lastName)) this.#repeated.add(this.#lastName)
    this.#spans.set(this.#lastName, { start: this.#valueStart, end })
    this.#valueStart = -1
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

/** A name may be written with escapes: `"t\u006fols"` is `tools`. */
function nameOf(bytes: readonly number[]): string {
  try {
    return String(JSON.parse(`"${Buffer.from(bytes).toString('utf8')}"`))
  } catch {
    return ''
  }
}
