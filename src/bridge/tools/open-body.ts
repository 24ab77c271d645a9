import type { Member, Span } from '../body/json-members.ts'
import { cutOut, partsOf } from '../body/pieces.ts'

/** A piece of the text that is replaced; an empty span is a place to put something in. */
export interface Edit extends Span {
  readonly text: string
  /** Behind the place where the conversation is continued, even when it begins there. */
  readonly behind?: boolean
}

/** A request whose conversation can be continued: what was said since goes between. */
export interface OpenBody {
  readonly head: readonly Buffer[]
  readonly tail: readonly Buffer[]
  /** Whether the conversation has an entry yet, so that the next needs a comma. */
  readonly isEmpty: boolean
  readonly streaming: boolean
}

/** The request with further entries of its conversation, each as JSON text; nothing is copied. */
export function continued(body: OpenBody, entries: readonly Buffer[]): readonly Buffer[] {
  const more = entries.flatMap(entry => [COMMA, entry])
  return [...body.head, ...(body.isEmpty ? more.slice(1) : more), ...body.tail]
}

/**
 * The text of a request and where its members are; the rest of it is left as it
 * is, and in its pieces: to copy megabytes would hold up the streams of others.
 */
export class BodyText {
  readonly #pieces: readonly Buffer[]
  readonly #length: number
  readonly #members: readonly Member[]

  constructor(pieces: readonly Buffer[], members: readonly Member[]) {
    this.#pieces = pieces
    this.#length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    this.#members = members
  }

  /** Bytes that are not of this member. */
  lengthBeside(name: string): number {
    const { start, end } = this.span(name) ?? { start: 0, end: 0 }
    return this.#length - (end - start)
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
      return JSON.parse(cutOut(this.#pieces, span).toString('utf8'))
    } catch {
      return undefined
    }
  }

  /** The place of a member that is a text. */
  string(name: string): Span | undefined {
    const span = this.span(name)
    return span !== undefined && this.#textAt(span.start, 1) === '"' ? span : undefined
  }

  /** The inside of an array member, and whether anything is in it. */
  array(name: string): (Span & { readonly isEmpty: boolean }) | undefined {
    const span = this.span(name)
    if (span === undefined || this.#textAt(span.start, 1) !== '[') return undefined
    const inside = { start: span.start + 1, end: span.end - 1 }
    const length = inside.end - inside.start
    const isEmpty = this.#textAt(inside.start, Math.min(length, MAX_VALUE)).trim() === ''
    // Nobody writes that many blanks, and to look on would take too long.
    return isEmpty && length > MAX_VALUE ? undefined : { ...inside, isEmpty }
  }

  /** Sets a member: in the place of its value, or as a new one at the end. */
  set(name: string, text: string): Edit {
    const span = this.span(name)
    if (span !== undefined) return { ...span, text }
    const end = this.#lastBrace()
    const comma = this.#members.length === 0 ? '' : ','
    return { start: end, end, text: `${comma}${JSON.stringify(name)}:${text}` }
  }

  /** Makes the edits and opens the text at `place`, which lies in none of them. */
  open(edits: readonly Edit[], place: number): Pick<OpenBody, 'head' | 'tail'> {
    const head: Buffer[] = []
    const tail: Buffer[] = []
    let from = 0
    const upTo = (end: number): void => {
      const middle = Math.min(Math.max(from, place), end)
      head.push(...partsOf(this.#pieces, { start: from, end: middle }))
      tail.push(...partsOf(this.#pieces, { start: middle, end }))
    }
    for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
      upTo(edit.start)
      const isAhead = edit.start <= place && edit.behind !== true
      ;(isAhead ? head : tail).push(Buffer.from(edit.text))
      from = edit.end
    }
    upTo(this.#length)
    return { head, tail }
  }

  #textAt(start: number, length: number): string {
    return cutOut(this.#pieces, { start, end: start + length }).toString('latin1')
  }

  /** Where the object ends. */
  #lastBrace(): number {
    let at = this.#length
    for (const piece of this.#pieces.toReversed()) {
      at -= piece.length
      const found = piece.lastIndexOf(CLOSE_BRACE)
      if (found >= 0) return at + found
    }
    return at
  }
}

const COMMA = Buffer.from(',')
const CLOSE_BRACE = 0x7d
const MAX_VALUE = 64 * 1024
