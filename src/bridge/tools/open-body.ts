import type { Member, Span } from '../body/json-members.ts'

/** A piece of the text that is replaced; an empty span is a place to put something in. */
export interface Edit extends Span {
  readonly text: string
  /** Behind the place where the conversation is continued, even when it begins there. */
  readonly behind?: boolean
}

/** A request whose conversation can be continued: what was said since goes between. */
export interface OpenBody {
  readonly head: Buffer
  readonly tail: Buffer
  /** Whether the conversation has an entry yet, so that the next needs a comma. */
  readonly isEmpty: boolean
  readonly streaming: boolean
}

/** The request with further entries of its conversation, each as JSON text. */
export function continued(body: OpenBody, entries: readonly string[]): Buffer {
  const comma = body.isEmpty || entries.length === 0 ? '' : ','
  return Buffer.concat([body.head, Buffer.from(comma + entries.join(',')), body.tail])
}

/** The text of a request and where its members are; the rest of it is left as it is. */
export class BodyText {
  readonly bytes: Buffer
  readonly #members: readonly Member[]

  constructor(bytes: Buffer, members: readonly Member[]) {
    this.bytes = bytes
    this.#members = members
  }

  has(name: string): boolean {
    return this.span(name) !== undefined
  }

  /** Whether a member stands there twice, in whatever case: nobody knows which one counts. */
  isAmbiguous(...names: readonly string[]): boolean {
    return names.some(
      name => this.#members.filter(member => member.name.toLowerCase() === name).length > 1,
    )
  }

  span(name: string): Span | undefined {
    return this.#members.find(member => member.name === name)
  }

  /** The value of a member that is known to be small; undefined when it is none. */
  value(name: string): unknown {
    const span = this.span(name)
    if (span === undefined || span.end - span.start > MAX_VALUE) return undefined
    try {
      return JSON.parse(this.bytes.toString('utf8', span.start, span.end))
    } catch {
      return undefined
    }
  }

  /** The inside of an array member, and whether anything is in it. */
  array(name: string): (Span & { readonly isEmpty: boolean }) | undefined {
    const span = this.span(name)
    if (span === undefined || this.bytes[span.start] !== OPEN_BRACKET) return undefined
    const inside = { start: span.start + 1, end: span.end - 1 }
    const isEmpty = this.bytes.toString('latin1', inside.start, inside.end).trim() === ''
    return { ...inside, isEmpty }
  }

  /** Sets a member: in the place of its value, or as a new one at the end. */
  set(name: string, text: string): Edit {
    const span = this.span(name)
    if (span !== undefined) return { ...span, text }
    const end = this.bytes.lastIndexOf(CLOSE_BRACE)
    const comma = this.#members.length === 0 ? '' : ','
    return { start: end, end, text: `${comma}${JSON.stringify(name)}:${text}` }
  }

  /** Makes the edits and opens the text at `place`, which lies in none of them. */
  open(edits: readonly Edit[], place: number): { readonly head: Buffer; readonly tail: Buffer } {
    const pieces: { readonly head: Buffer[]; readonly tail: Buffer[] } = { head: [], tail: [] }
    let from = 0
    const upTo = (end: number): void => {
      if (from <= place && place < end) {
        pieces.head.push(this.bytes.subarray(from, place))
        pieces.tail.push(this.bytes.subarray(place, end))
      } else {
        pieces[end <= place ? 'head' : 'tail'].push(this.bytes.subarray(from, end))
      }
    }
    for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
      upTo(edit.start)
      const isAhead = edit.start <= place && edit.behind !== true
      pieces[isAhead ? 'head' : 'tail'].push(Buffer.from(edit.text))
      from = edit.end
    }
    upTo(this.bytes.length)
    return { head: Buffer.concat(pieces.head), tail: Buffer.concat(pieces.tail) }
  }
}

const OPEN_BRACKET = 0x5b
const CLOSE_BRACE = 0x7d
const MAX_VALUE = 64 * 1024
