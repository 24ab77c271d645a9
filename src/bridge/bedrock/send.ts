import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Sign } from '../../egress/aws/sign.ts'
import { Refusal } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader, headerValues, type RawHeaders } from '../../kernel/headers.ts'
import type { BedrockSettings } from '../../kernel/provider.ts'
import type { Secret } from '../../kernel/secret.ts'
import { bodyOf, inPieces } from '../body/pieces.ts'
import { withoutQuery } from '../path.ts'
import type { Send, UpstreamRequest } from '../provider.ts'
import { codingsOf } from '../tap/decode-body.ts'
import { anthropicAnswer } from './answer.ts'
import type { Translator } from './translator.ts'

interface BedrockDeps {
  readonly settings: BedrockSettings
  /** Path of the base URL. */
  readonly basePath: string
  readonly translator: Translator
  /** For the id of each access key, what signs with its secret. */
  readonly signers: ReadonlyMap<Secret, Sign>
  readonly send: Send
}

/**
 * The way to Amazon Bedrock. A call of Anthropic's Messages API is put into
 * Bedrock's form and its answer back; a call in Bedrock's own form is signed
 * with the operator's keys if it is to travel with them. Both need the body
 * whole. A client's own signature covers host, headers and body, so that call
 * goes through as it is.
 */
export function createBedrockSend(deps: BedrockDeps): Send {
  const messages = `${deps.basePath}/v1/messages`
  return async request => {
    if (withoutQuery(request.path) === messages) return await sendTranslated(deps, request)
    return request.key !== undefined ? await sendSigned(deps, request) : await deps.send(request)
  }
}

async function sendTranslated(deps: BedrockDeps, request: UpstreamRequest): Promise<Reply> {
  const { settings, basePath, translator } = deps
  const codings = codingsOf(request.headers)
  if (codings === undefined) throw new Refusal('body_unreadable')
  const job = translator.begin(request.user)
  const release = await request
    .hold(request.body, piece => job.push(piece))
    .catch(error => {
      job.cancel()
      throw error
    })
  try {
    const betas = headerValues(request.headers, 'anthropic-beta')
    const translation = await job.translate({ codings, betas, models: settings })
    const { model, stream, sha256 } = translation
    const body = Buffer.from(translation.body.buffer)
    const action = stream ? 'invoke-with-response-stream' : 'invoke'
    const reply = await sendWhole(deps, {
      ...request,
      method: 'POST',
      path: `${basePath}/model/${encodeURIComponent(model)}/${action}`,
      headers: headersOf(request.headers, stream),
      whole: { length: body.length, sha256, stream: inPieces(body) },
    })
    return reply.kind === 'response' ? await anthropicAnswer(reply) : reply
  } finally {
    release()
  }
}

async function sendSigned(deps: BedrockDeps, request: UpstreamRequest): Promise<Reply> {
  const hash = createHash('sha256')
  const pieces: Buffer[] = []
  let length = 0
  const release = await request.hold(request.body, piece => {
    hash.update(piece)
    pieces.push(piece)
    length += piece.length
  })
  try {
    const stream = bodyOf(pieces)
    return await sendWhole(deps, {
      ...request,
      whole: { length, sha256: hash.digest('hex'), stream },
    })
  } finally {
    release()
  }
}

interface WholeRequest extends UpstreamRequest {
  readonly whole: { readonly length: number; readonly sha256: string; readonly stream: Readable }
}

async function sendWhole(
  { signers, send }: BedrockDeps,
  { whole: { length, sha256, stream }, ...request }: WholeRequest,
): Promise<Reply> {
  const { method, path, key } = request
  const sign = key === undefined ? undefined : signers.get(key)
  if (sign === undefined) throw new Refusal('no_credential')
  const unframed = filterHeaders(request.headers, name => !FRAMING.has(name))
  const headers = await sign({ method, path, headers: unframed, bodyHash: sha256 })
  const framed = [...headers, 'Content-Length', String(length)]
  return await send({ ...request, headers: framed, body: stream })
}

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'trailer'])

/** What Bedrock has a use for; the rest speaks of Anthropic's API. */
function headersOf(headers: RawHeaders, stream: boolean): string[] {
  const kept = ['host', 'user-agent'].flatMap(name => {
    const value = firstHeader(headers, name)
    return value === undefined ? [] : [name, value]
  })
  const accept = stream ? 'application/vnd.amazon.eventstream' : 'application/json'
  return [...kept, 'content-type', 'application/json', 'accept', accept]
}
