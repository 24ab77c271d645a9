import { Readable } from 'node:stream'
import { asRefusal, Refusal } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader, type RawHeaders } from '../../kernel/headers.ts'
import type { ProviderType } from '../../kernel/provider.ts'
import type { WireFormat } from '../../kernel/usage.ts'
import { bodyOf } from '../body/pieces.ts'
import { errorBody } from '../error-reply.ts'
import type { SseEvent } from '../tap/sse-parser.ts'
import { type Framing, framingOf } from '../usage/format.ts'
import { type JsonObject, parseObject } from '../usage/json-value.ts'
import type { AnswerMerge, ToolDialect, Turn } from './dialect.ts'
import type { OfferedTool } from './offered-tool.ts'
import { continued, type OpenBody } from './open-body.ts'
import type { PartAnswer, Parts, Response, Send } from './parts.ts'
import { readEvents } from './read-events.ts'
import { sseText } from './sse-text.ts'
import type { InvokedTool, Toolbox } from './toolbox.ts'

export interface ConversationContext {
  readonly toolbox: Toolbox
  readonly format: WireFormat
  readonly type: ProviderType
  readonly signal: AbortSignal
  readonly parts: Parts
  /** Hears under which names models are offered tools. */
  readonly onOffered: (names: ReadonlySet<string>) => void
  /** Hears of each call that was made. */
  readonly onInvoked: (invoked: InvokedTool) => void
}

interface Offer extends ConversationContext {
  readonly dialect: ToolDialect
  readonly tools: readonly OfferedTool[]
}

/** As an event of a stream. */
const MAX_ANSWER = 8 * 1024 * 1024
/** A model that goes on calling tools for longer is stopped. */
const MAX_TURNS = 25
/** In all turns; a model that calls many at once takes no other way out. */
const MAX_CALLS = 100

/** One request of the client, and as many to the provider as its tools take. */
export class Conversation {
  readonly #send: Send
  readonly #headers: RawHeaders
  readonly #open: OpenBody
  readonly #offer: Offer
  readonly #merge: AnswerMerge
  readonly #entries: Buffer[] = []
  #turns = 0
  #calls = 0

  constructor(send: Send, headers: RawHeaders, open: OpenBody, offer: Offer) {
    this.#send = send
    this.#headers = headers
    this.#open = open
    this.#offer = offer
    const names = new Set(offer.tools.map(({ name }) => name))
    offer.onOffered(names)
    this.#merge = offer.dialect.merge(name => names.has(name))
  }

  async reply(): Promise<Reply> {
    const reply = await this.#ask()
    if (reply.kind !== 'response') return reply
    const framing = this.#framingOf(reply)
    if (framing !== 'sse' && framing !== 'json') return reply
    const first = this.#offer.parts.begin(reply)
    if (framing === 'json') return await this.#whole(first)
    const body = Readable.from(this.#stream(first), { objectMode: false })
    return { ...reply, headers: unframed(reply.headers), body }
  }

  /** How an answer that can be gone on from is framed; undefined for any other. */
  #framingOf({ status, headers }: Response): Framing | undefined {
    if (status !== 200 || isCoded(headers)) return undefined
    return framingOf(this.#offer.format, firstHeader(headers, 'content-type'))
  }

  #ask(): Promise<Reply> {
    const pieces = continued(this.#open, this.#entries)
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    return this.#send({
      headers: [
        // What is to be read must not be compressed.
        ...filterHeaders(
          unframed(this.#headers),
          name => name !== 'accept-encoding' && name !== 'transfer-encoding',
        ),
        'Accept-Encoding',
        'identity',
        'Content-Length',
        String(length),
      ],
      body: bodyOf(pieces),
    })
  }

  async *#stream(first: PartAnswer): AsyncGenerator<Buffer> {
    let part = first
    try {
      for (;;) {
        for await (const event of readEvents(part.reply.body)) {
          yield* texts(this.#merge.event(event))
        }
        const turn = this.#merge.turn()
        if (turn === undefined) return
        const next = await this.#goOn(part, turn).catch(asRefusal)
        if (next instanceof Refusal || this.#framingOf(next.reply) !== 'sse') {
          yield* texts(this.#merge.failure(await this.#errorOf(next)))
          return
        }
        part = next
      }
    } finally {
      part.reply.body.destroy()
    }
  }

  async #whole(first: PartAnswer): Promise<Reply> {
    let part = first
    for (;;) {
      const { reply } = part
      const bytes = await readWhole(reply.body)
      const answer = parseObject(bytes.toString('utf8'))
      if (answer === undefined) return { ...reply, body: bodyOf([bytes]) }
      this.#merge.answer(answer)
      const turn = this.#merge.turn()
      if (turn === undefined) {
        return this.#turns === 0 ? { ...reply, body: bodyOf([bytes]) } : this.#merged(reply)
      }
      part = await this.#goOn(part, turn)
      if (this.#framingOf(part.reply) !== 'json') return part.reply
    }
  }

  #merged(reply: Response): Reply {
    const bytes = Buffer.from(JSON.stringify(this.#merge.result()))
    const headers = [...unframed(reply.headers), 'Content-Length', String(bytes.length)]
    return { ...reply, headers, body: bodyOf([bytes]) }
  }

  /** Makes the calls, one after the other, and tells the model what came of them. */
  async #goOn({ isRead }: PartAnswer, turn: Turn): Promise<PartAnswer> {
    const { toolbox, signal, onInvoked, parts } = this.#offer
    await isRead
    this.#turns += 1
    this.#calls += turn.calls.length
    if (this.#turns > MAX_TURNS || this.#calls > MAX_CALLS) {
      throw new Refusal('too_many_tool_calls')
    }
    const results: InvokedTool[] = []
    for (const call of turn.calls) {
      signal.throwIfAborted()
      const invoked = await toolbox.call(call, signal)
      onInvoked(invoked)
      results.push(invoked)
    }
    signal.throwIfAborted()
    this.#entries.push(...turn.entries(results).map(entry => Buffer.from(entry)))
    return await parts.next(() => this.#ask())
  }

  /** What the provider said when it refused to go on, or we in its place. */
  async #errorOf(next: PartAnswer | Refusal): Promise<JsonObject> {
    const told = next instanceof Refusal ? undefined : await errorIn(next.reply)
    if (told !== undefined) return told
    const refusal = next instanceof Refusal ? next : new Refusal('provider_broken')
    this.#offer.parts.brokenOff(refusal)
    return parseObject(errorBody(this.#offer.type, refusal)) ?? {}
  }
}

async function errorIn({ status, body }: Response): Promise<JsonObject | undefined> {
  if (status >= 400) return parseObject((await readWhole(body)).toString('utf8'))
  body.destroy()
  return undefined
}

function texts(events: readonly SseEvent[]): Buffer[] {
  return events.map(event => Buffer.from(sseText(event)))
}

/** Whether a body is compressed, so that nothing can be put into it. */
export function isCoded(headers: RawHeaders): boolean {
  const coding = firstHeader(headers, 'content-encoding')
  return coding !== undefined && coding.trim().toLowerCase() !== 'identity'
}

function unframed(headers: RawHeaders): string[] {
  return filterHeaders(headers, name => name !== 'content-length')
}

/** Rejects with a Refusal when it breaks off, falls silent, or is too long. */
async function readWhole(body: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of body) {
      pieces.push(piece)
      length += piece.length
      if (length > MAX_ANSWER) throw new Refusal('provider_broken', 'the answer is too long')
    }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('provider_broken', undefined, { cause: error })
  }
  return Buffer.concat(pieces)
}
