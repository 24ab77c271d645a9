import { Readable } from 'node:stream'
import { describeError, Refusal } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader, type RawHeaders } from '../../kernel/headers.ts'
import type { ProviderType } from '../../kernel/provider.ts'
import { REASONS } from '../../kernel/reasons.ts'
import type { WireFormat } from '../../kernel/usage.ts'
import { MAX_BYTES } from '../body/held-body.ts'
import { JsonMembers } from '../body/json-members.ts'
import type { UpstreamRequest } from '../provider.ts'
import type { SseEvent } from '../tap/sse-parser.ts'
import { framingOf } from '../usage/format.ts'
import { type JsonObject, parseObject } from '../usage/json-value.ts'
import { anthropicTools } from './anthropic-tools.ts'
import { chatTools } from './chat-tools.ts'
import type { AnswerMerge, ToolDialect, Turn } from './dialect.ts'
import type { OfferedTool } from './offered-tool.ts'
import { BodyText, continued, type OpenBody } from './open-body.ts'
import { readEvents } from './read-events.ts'
import { responsesTools } from './responses-tools.ts'
import { sseText } from './sse-text.ts'
import type { InvokedTool, Toolbox } from './toolbox.ts'

type Response = Extract<Reply, { kind: 'response' }>
type Send = (request: UpstreamRequest) => Promise<Reply>

export interface ToolsContext {
  readonly toolbox: Toolbox
  readonly format: WireFormat
  readonly type: ProviderType
  /** Hears of each call that was made. */
  readonly onInvoked: (invoked: InvokedTool) => void
  /** Hears of the answers so far when the client is given none of them: they cost all the same. */
  readonly onUnfinished: (answer: JsonObject) => void
}

const DIALECTS: Partial<Record<WireFormat, ToolDialect>> = {
  'anthropic-messages': anthropicTools,
  'openai-chat': chatTools,
  'openai-responses': responsesTools,
}

const MAX_ANSWER = 16 * 1024 * 1024
/** A model that goes on calling tools for longer is stopped. */
const MAX_TURNS = 25

/**
 * Sends a request with the tools of the configured servers added to it, calls
 * those that the model asks for, and goes on with their results until there is
 * an answer for the client. The one place that changes requests and answers: it
 * is used only where the operator has asked for it, and what it cannot read it
 * leaves as it is.
 */
export function withTools(send: Send, context: ToolsContext): Send {
  const dialect = DIALECTS[context.format]
  return async request => {
    if (dialect === undefined || request.body === undefined || !isReadable(request.headers)) {
      return await send(request)
    }
    const tools = await context.toolbox.offered()
    if (tools.length === 0) return await send(request)
    const pieces: Buffer[] = []
    const scan = new JsonMembers()
    const release = await request.hold(request.body, piece => {
      pieces.push(piece)
      scan.write(piece)
    })
    const members = scan.end()
    const body = members && new BodyText(pieces, members)
    const open = body && dialect.open(body, tools)
    if (open === undefined) {
      return await releasing(release, () => send({ ...request, body: bodyOf(...pieces) }))
    }
    const offer = { ...context, dialect, tools }
    return await releasing(release, () => new Conversation(send, request, open, offer).reply())
  }
}

/** What a request holds is held until its answer is over. */
async function releasing(release: () => void, reply: () => Promise<Reply>): Promise<Reply> {
  try {
    const given = await reply()
    if (given.kind === 'response') given.body.once('close', release)
    else release()
    return given
  } catch (error) {
    release()
    throw error
  }
}

interface Offer extends ToolsContext {
  readonly dialect: ToolDialect
  readonly tools: readonly OfferedTool[]
}

/** One request of the client, and as many to the provider as its tools take. */
class Conversation {
  readonly #send: Send
  readonly #request: UpstreamRequest
  readonly #open: OpenBody
  readonly #offer: Offer
  readonly #merge: AnswerMerge
  readonly #entries: string[] = []
  #turns = 0

  constructor(send: Send, request: UpstreamRequest, open: OpenBody, offer: Offer) {
    this.#send = send
    this.#request = request
    this.#open = open
    this.#offer = offer
    const names = new Set(offer.tools.map(({ name }) => name))
    this.#merge = offer.dialect.merge(name => names.has(name))
  }

  async reply(): Promise<Reply> {
    const first = await this.#next()
    if (first.kind !== 'response' || first.status !== 200 || isCoded(first.headers)) return first
    const framing = framingOf(this.#offer.format, firstHeader(first.headers, 'content-type'))
    if (framing === 'sse') {
      const body = Readable.from(this.#stream(first), { objectMode: false })
      return { ...first, headers: unframed(first.headers), body }
    }
    return framing === 'json' ? await this.#told(first) : first
  }

  async #told(first: Response): Promise<Reply> {
    let reply: Reply | undefined
    try {
      reply = await this.#whole(first)
      return reply
    } finally {
      const isOver = reply !== undefined && isGood(reply)
      if (this.#turns > 0 && !isOver) this.#offer.onUnfinished(this.#merge.result())
    }
  }

  #next(): Promise<Reply> {
    const pieces = continued(this.#open, this.#entries)
    const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
    return this.#send({
      ...this.#request,
      headers: [
        // What is to be read must not be compressed.
        ...filterHeaders(
          unframed(this.#request.headers),
          name => name !== 'accept-encoding' && name !== 'transfer-encoding',
        ),
        'Accept-Encoding',
        'identity',
        'Content-Length',
        String(length),
      ],
      body: bodyOf(...pieces),
    })
  }

  async *#stream(first: Response): AsyncGenerator<Buffer> {
    let reply: Response | undefined = first
    try {
      while (reply !== undefined) {
        for await (const event of readEvents(reply.body)) yield* texts(this.#merge.event(event))
        const turn = this.#merge.turn()
        if (turn === undefined) return
        const next: Reply | Refusal = await this.#answered(turn).catch(describeFailure)
        if (!isGood(next)) yield* texts(this.#merge.failure(await this.#errorOf(next)))
        reply = isGood(next) ? next : undefined
      }
    } finally {
      reply?.body.destroy()
    }
  }

  async #whole(first: Response): Promise<Reply> {
    let reply = first
    for (;;) {
      const bytes = await readWhole(reply.body)
      const answer = parseObject(bytes.toString('utf8'))
      if (answer === undefined) return { ...reply, body: bodyOf(bytes) }
      this.#merge.answer(answer)
      const turn = this.#merge.turn()
      if (turn === undefined) {
        return this.#turns === 0 ? { ...reply, body: bodyOf(bytes) } : this.#merged(reply)
      }
      const next = await this.#answered(turn)
      if (!isGood(next)) return next
      reply = next
    }
  }

  #merged(reply: Response): Reply {
    const bytes = Buffer.from(JSON.stringify(this.#merge.result()))
    const headers = [...unframed(reply.headers), 'Content-Length', String(bytes.length)]
    return { ...reply, headers, body: bodyOf(bytes) }
  }

  /** Makes the calls, one after the other, and tells the model what came of them. */
  async #answered(turn: Turn): Promise<Reply> {
    this.#turns += 1
    if (this.#turns > MAX_TURNS) throw new Refusal('too_many_tool_calls')
    const results: InvokedTool[] = []
    for (const call of turn.calls) {
      const invoked = await this.#offer.toolbox.call(call, this.#request.signal)
      this.#offer.onInvoked(invoked)
      results.push(invoked)
    }
    this.#request.signal.throwIfAborted()
    this.#entries.push(...turn.entries(results))
    return await this.#next()
  }

  /** What the provider said when it refused to go on, or we in its place. */
  async #errorOf(failed: Reply | Refusal): Promise<JsonObject> {
    const told =
      failed instanceof Refusal || failed.kind !== 'response'
        ? undefined
        : parseObject((await readWhole(failed.body)).toString('utf8'))
    if (told !== undefined) return told
    const reason = failed instanceof Refusal ? failed.reason : 'provider_broken'
    const { status, text } = REASONS[reason]
    return parseObject(this.#offer.type.errorBody(status, text, reason)) ?? {}
  }
}

function texts(events: readonly SseEvent[]): Buffer[] {
  return events.map(event => Buffer.from(sseText(event)))
}

function isGood(reply: Reply | Refusal): reply is Response {
  return !(reply instanceof Refusal) && reply.kind === 'response' && reply.status === 200
}

function describeFailure(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('internal', describeError(error))
}

/** A longer request passes as it is; one that does not say how long it is, is refused. */
function isReadable(headers: RawHeaders): boolean {
  return !isCoded(headers) && Number(firstHeader(headers, 'content-length') ?? 0) <= MAX_BYTES
}

function isCoded(headers: RawHeaders): boolean {
  const coding = firstHeader(headers, 'content-encoding')
  return coding !== undefined && coding.trim().toLowerCase() !== 'identity'
}

function unframed(headers: RawHeaders): string[] {
  return filterHeaders(headers, name => name !== 'content-length')
}

function bodyOf(...pieces: readonly Buffer[]): Readable {
  return Readable.from(pieces, { objectMode: false })
}

async function readWhole(body: Readable): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of body) {
    pieces.push(piece)
    length += piece.length
    if (length > MAX_ANSWER) throw new Refusal('provider_broken', 'the answer is too long')
  }
  return Buffer.concat(pieces)
}
