/** Where a member's value lies in the text: from its first byte to after its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface Member extends Span {
  /** As JSON has it, escapes undone. */
  readonly name: string
}

type Expected =
  | 'value'
  | 'value or ]'
  | 'key'
  | 'key or }'
  | ':'
  | ', or end'
  | 'string'
  | 'escape'
  | 'hex'
  | 'scalar'
  | 'nothing'

const MAX_DEPTH = 512
const MAX_SCALAR = 512
/** A name of more raw bytes is none that anybody looks for. */
const MAX_NAME = 1024
/** More members than any request has. */
const MAX_MEMBERS = 1000
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/
const HEX = /^[0-9a-fA-F]$/
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d])
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'))
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Finds the members of a JSON object as its bytes pass, without ever parsing
 * the whole: bodies of megabytes would hold up the loop. Strict (RFC 8259),
 * because another reader of the same bytes must not find other values: what
 * lenient readers differ about is no object here.
 */
export class JsonMembers {
  readonly #members: Member[] = []
  #expected: Expected = 'value'
  /** Containers that are open, true for objects. */
  readonly #open: boolean[] = []
  #inKey = false
  /** The raw bytes of a name of the object itself. */
  #name: number[] | undefined
  #lastName = ''
  #valueStart = 0
  #at = 0
  #hexLeft = 0
  #scalar = ''
  #fault = false

  write(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length && !this.#fault; i += 1) {
      const skipped = this.#expected === 'string' && this.#name === undefined ? plain(chunk, i) : 0
      this.#at += skipped
      i += skipped
      if (i === chunk.length) return
      this.#step(chunk[i] ?? 0)
      this.#at += 1
    }
  }

  /** The members in their order, repeated ones too; undefined for anything but one object. */
  end(): readonly Member[] | undefined {
    return this.#fault || this.#expected !== 'nothing' ? undefined : this.#members
  }

  #step(byte: number): void {
    switch (this.#expected) {
      case 'string':
        return this.#inString(byte)
      case 'escape':
        return this.#inEscape(byte)
      case 'hex':
        return this.#inHex(byte)
      case 'scalar':
        if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY || BLANK.has(byte)) {
          this.#endScalar()
          return this.#step(byte)
        }
        this.#scalar += String.fromCharCode(byte)
        if (this.#scalar.length > MAX_SCALAR) this.#fault = true
        return
      default:
        if (!BLANK.has(byte)) this.#between(byte)
    }
  }

  /** A byte that is neither blank nor inside a string or scalar. */
  #between(byte: number): void {
    const expected = this.#expected
    if (expected === ':' && byte === COLON) this.#expected = 'value'
    else if (expected === ', or end') this.#afterValue(byte)
    else if ((expected === 'key' || expected === 'key or }') && byte === QUOTE) this.#openKey()
    else if (expected === 'key or }' && byte === CLOSE_OBJECT) this.#close(true)
    else if (expected === 'value or ]' && byte === CLOSE_ARRAY) this.#close(false)
    else if (expected === 'value' || expected === 'value or ]') this.#openValue(byte)
    else this.#fault = true
  }

  #afterValue(byte: number): void {
    const inObject = this.#open.at(-1) === true
    if (byte === COMMA) this.#expected = inObject ? 'key' : 'value'
    else if (byte === (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) this.#close(inObject)
    else this.#fault = true
  }

  #openKey(): void {
    this.#inKey = true
    this.#name = this.#open.length === 1 ? [] : undefined
    this.#expected = 'string'
  }

  #openValue(byte: number): void {
    if (this.#open.length === 1) this.#valueStart = this.#at
    if (this.#open.length === 0 && byte !== OPEN_OBJECT) {
      this.#fault = true
    } else if (byte === QUOTE) {
      this.#inKey = false
      this.#expected = 'string'
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      this.#open.push(byte === OPEN_OBJECT)
      this.#expected = byte === OPEN_OBJECT ? 'key or }' : 'value or ]'
      if (this.#open.length > MAX_DEPTH) this.#fault = true
    } else {
      this.#scalar = String.fromCharCode(byte)
      this.#expected = 'scalar'
    }
  }

  #close(isObject: boolean): void {
    if (this.#open.pop() !== isObject) this.#fault = true
    this.#expected = this.#open.length === 0 ? 'nothing' : ', or end'
    this.#valueEnded(this.#at + 1)
  }

  #endScalar(): void {
    if (!SCALAR.test(this.#scalar)) this.#fault = true
    this.#expected = ', or end'
    this.#valueEnded(this.#at)
  }

  #valueEnded(end: number): void {
    if (this.#open.length !== 1) return
    this.#members.push({ name: this.#lastName, start: this.#valueStart, end })
    if (this.#members.length > MAX_MEMBERS) this.#fault = true
  }

  #inString(byte: number): void {
    if (byte === QUOTE) {
      this.#endString()
      return
    }
    if (byte < 0x20) this.#fault = true
    if (byte === BACKSLASH) this.#expected = 'escape'
    this.#keep(byte)
  }

  #inEscape(byte: number): void {
    this.#keep(byte)
    if (byte === 0x75) {
      this.#hexLeft = 4
      this.#expected = 'hex'
    } else {
      if (!ESCAPES.has(byte)) this.#fault = true
      this.#expected = 'string'
    }
  }

  #inHex(byte: number): void {
    this.#keep(byte)
    if (!HEX.test(String.fromCharCode(byte))) this.#fault = true
    this.#hexLeft -= 1
    if (this.#hexLeft === 0) this.#expected = 'string'
  }

  #keep(byte: number): void {
    if (this.#inKey && this.#name !== undefined && this.#name.length < MAX_NAME) {
      this.#name.push(byte)
    }
  }

  #endString(): void {
    if (!this.#inKey) {
      this.#expected = ', or end'
      this.#valueEnded(this.#at + 1)
      return
    }
    this.#expected = ':'
    if (this.#name === undefined) return
    const isWhole = this.#name.length < MAX_NAME
    this.#lastName = isWhole ? textOf(Buffer.from(this.#name)) : ''
    this.#name = undefined
  }
}

/** The inside of a string literal whose escapes were seen to be good. */
function textOf(raw: Buffer): string {
  return String(JSON.parse(`"${raw.toString('utf8')}"`))
}

/** How many bytes from here on are just text: most of a request is. */
function plain(chunk: Uint8Array, from: number): number {
  let at = from
  for (; at < chunk.length; at += 1) {
    const byte = chunk[at] ?? 0
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break
  }
  return at - from
}
