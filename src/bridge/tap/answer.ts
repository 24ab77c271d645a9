import type { Memory } from '../../kernel/memory.ts'
import type { ResponseFacts, WireFormat } from '../../kernel/usage.ts'
import { createFold, type Framing } from '../usage/format.ts'
import { type ResponseFold, UNPARSED } from '../usage/response-fold.ts'
import { type AnswerParser, createAnswerParser } from './answer-parser.ts'
import { Body } from './body.ts'
import type { TapLimits } from './limits.ts'
import { parseBody } from './parse-body.ts'
import type { AnswerHead } from './protocol.ts'

/**
 * One answer over HTTP. A plain stream is read as it comes and nothing of it is
 * kept; a blocking or compressed body is collected and read at its end.
 */
export class Answer {
  readonly #head: AnswerHead
  readonly #limits: TapLimits
  readonly #memory: Memory
  readonly #fold: ResponseFold
  readonly #body: Body
  #parser: AnswerParser | undefined
  #gap = false
  #lost = false

  constructor(format: WireFormat, head: AnswerHead, memory: Memory, limits: TapLimits) {
    this.#head = head
    this.#limits = limits
    this.#memory = memory
    this.#fold = createFold(format)
    this.#body = new Body(memory, head.codings, limits.callBytes)
    // Errors come as JSON whatever the type says, so they are looked at first.
    const plain = head.codings?.length === 0 && head.status < 400
    if (plain && isStream(head.framing)) this.#parser = this.#createParser(head.framing)
  }

  /** False when more bytes are of no use. */
  push(bytes: Buffer): boolean {
    if (this.#lost) return false
    if (this.#parser !== undefined) {
      this.#parser.push(bytes)
      return true
    }
    this.#body.append(bytes)
    return this.#body.readable
  }

  /** Bytes are missing from here on. */
  lose(): void {
    this.#lost = true
    this.#gap = true
    this.#body.giveUp()
  }

  end(complete: boolean): ResponseFacts {
    const facts = this.#read(complete)
    // An error that is not in the provider's own form has no usage to miss.
    const refused = this.#head.status >= 300 && facts.usage === null
    return refused ? { ...facts, usageNote: null } : facts
  }

  #read(complete: boolean): ResponseFacts {
    const reader = this.#parser ?? this.#readBody()
    if (reader === undefined) return UNPARSED
    reader.end()
    return this.#fold.finish({ complete, gap: this.#gap })
  }

  #readBody(): Pick<AnswerParser, 'end'> | undefined {
    const bytes = this.#body.take()
    if (bytes === undefined) return undefined
    const framing = this.#framingOf(bytes)
    if (isStream(framing)) {
      const parser = this.#createParser(framing)
      parser.push(bytes)
      return parser
    }
    const values = parseBody(bytes)
    if (values === undefined && bytes.length > 0) return this.#readAround(bytes)
    for (const value of values ?? []) this.#fold.event(value, undefined)
    return { end: () => {} }
  }

  /** An object with something else behind it is one all the same. */
  #readAround(bytes: Buffer): AnswerParser {
    this.#gap = true
    const parser = this.#createParser('json-array')
    parser.push(bytes)
    return parser
  }

  #framingOf(bytes: Buffer): Framing {
    const { framing, status } = this.#head
    return framing === 'sse' && status < 400 ? framing : sniff(bytes, framing)
  }

  #createParser(framing: Exclude<Framing, 'json' | 'unknown'>): AnswerParser {
    return createAnswerParser(framing, {
      fold: this.#fold,
      memory: this.#memory,
      eventBytes: this.#limits.eventBytes,
      onGap: () => {
        this.#gap = true
      },
    })
  }
}

function isStream(framing: Framing): framing is Exclude<Framing, 'json' | 'unknown'> {
  return framing !== 'json' && framing !== 'unknown'
}

const BLANK = 0x20

/** What a body is by its first characters, where that can be told; `declared` otherwise. */
function sniff(bytes: Buffer, declared: Framing): Framing {
  if (declared === 'json-array' || declared === 'event-stream') return declared
  // Some send blank lines for as long as the model thinks.
  const from = Math.max(
    0,
    bytes.findIndex(byte => byte > BLANK),
  )
  const start = bytes.toString('utf8', from, from + 64).replace(/^\uFEFF/, '')
  return /^(?:data|event|id|retry)?:/.test(start) ? 'sse' : 'json'
}
