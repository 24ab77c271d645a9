/** What a body says of one of its top-level keys. */
export type Scanned =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'absent' }
  /** Not plain JSON, the key is there twice or holds no text, or a forbidden one is there. */
  | { readonly kind: 'unreadable' }

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
/** A key or value of more raw bytes is not what we look for. */
const MAX_TEXT = 1024
const SCALAR = /^(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)$/
const HEX = /^[0-9a-fA-F]$/
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d])
const ESCAPES = new Set(Buffer.from('"\\/bfnrt'))
const [QUOTE, BACKSLASH, COLON, COMMA] = [0x22, 0x5c, 0x3a, 0x2c]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Looks for one key of a JSON object as its bytes pass, in constant memory and
 * without ever parsing the whole: bodies of megabytes would hold up the loop.
 * Strict (RFC 8259), because another reader of the same bytes must not find
 * another value: anything lenient readers differ about is `unreadable`. Keys
 * are compared without case, as Go's decoder does.
 */
export class JsonScan {
  readonly #key: string
  readonly #forbidden: ReadonlySet<string>
  #expected: Expected = 'value'
  /** Containers that are open, true for objects. */
  readonly #open: boolean[] = []
  #inKey = false
  /** The string at hand is a top-level key, or the value of the wanted one. */
  #kept: number[] | undefined
  #isWanted = false
  #hexLeft = 0
  #scalar = ''
  #found: string | undefined
  #fault = false

  /** `forbidden` keys, in lower case, make the body unreadable. */
  constructor(key: string, forbidden: ReadonlySet<string> = new Set()) {
    this.#key = key
    this.#forbidden = forbidden
  }

  write(chunk: Uint8Array): void {
    for (let i = 0; i < chunk.length && !this.#fault; i += 1) this.#step(chunk[i] ?? 0)
  }

  end(): Scanned {
    if (this.#expected === 'scalar') this.#endScalar()
    if (this.#fault || this.#expected !== 'nothing') return { kind: 'unreadable' }
    return this.#found === undefined ? { kind: 'absent' } : { kind: 'text', text: this.#found }
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
    this.#kept = this.#open.length === 1 ? [] : undefined
    this.#expected = 'string'
  }

  #openValue(byte: number): void {
    const wanted = this.#isWanted
    this.#isWanted = false
    // The whole is an object, and the wanted value a string.
    if ((this.#open.length === 0 && byte !== OPEN_OBJECT) || (wanted && byte !== QUOTE)) {
      this.#fault = true
    } else if (byte === QUOTE) {
      this.#inKey = false
      this.#kept = wanted ? [] : undefined
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
  }

  #endScalar(): void {
    if (!SCALAR.test(this.#scalar)) this.#fault = true
    this.#expected = this.#open.length === 0 ? 'nothing' : ', or end'
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
    if (this.#kept === undefined) return
    if (this.#kept.length < MAX_TEXT) this.#kept.push(byte)
    // A longer key is another one; a longer value is nothing we could compare.
    else if (this.#inKey) this.#kept = undefined
    else this.#fault = true
  }

  #endString(): void {
    this.#expected = this.#inKey ? ':' : ', or end'
    if (this.#kept === undefined) return
    const text: unknown = JSON.parse(`"${Buffer.from(this.#kept).toString('utf8')}"`)
    this.#kept = undefined
    if (typeof text !== 'string') return
    if (!this.#inKey) {
      this.#found = text
      return
    }
    const key = text.toLowerCase()
    if (this.#forbidden.has(key)) this.#fault = true
    if (key !== this.#key) return
    if (this.#found !== undefined) this.#fault = true
    this.#isWanted = true
  }
}
