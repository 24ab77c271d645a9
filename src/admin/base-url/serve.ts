import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { asRefusal, detailOf, Refusal } from '../../kernel/error.ts'
import type { Call, Caller, Reply } from '../../kernel/flow.ts'
import { filterHeaders, firstHeader } from '../../kernel/headers.ts'
import { headFault, pathFault } from '../../kernel/request-head.ts'
import { hostText, parseHostHeader } from '../../kernel/target.ts'
import { endWith } from '../../relay/pipeline.ts'
import { goneSignal, inform, writeReply } from '../../relay/reply.ts'
import { joinUpgraded, responseOn } from '../../relay/upgrade.ts'
import { respondError } from '../respond.ts'
import type { BaseUrlDeps } from './deps.ts'
import type { BaseUrlTarget } from './target.ts'
import { callerCredentials } from './token.ts'

/** Serves one call of a client that has the provider's route as its base URL. Never rejects. */
export async function serveBaseUrl(
  deps: BaseUrlDeps,
  target: BaseUrlTarget,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const signal = goneSignal(response)
  const hint = inform.bind(undefined, response)
  await answering(deps, target, { message, response, upgrade: false }, async () => {
    const caller = await admit(deps, message, { client: response, signal })
    const reply = await deps.handle(
      toCall(target, message, { caller, upgrade: false, inform: hint, signal }),
    )
    if (reply.kind === 'response') return reply
    reply.socket.destroy()
    throw new Refusal('provider_broken', 'switched protocols unasked')
  })
}

/** Serves a request to switch to WebSocket; its socket has no parser any more. Never rejects. */
export async function serveBaseUrlUpgrade(
  deps: BaseUrlDeps,
  target: BaseUrlTarget,
  message: IncomingMessage,
  head: Buffer,
): Promise<void> {
  const { socket } = message
  const response = responseOn(message)
  if (response === undefined) return
  const gone = new AbortController()
  socket.once('close', () => gone.abort())
  await answering(deps, target, { message, response, upgrade: true }, async () => {
    const caller = await admit(deps, message, { client: socket, signal: gone.signal })
    const reply = await deps.handle(
      toCall(target, message, { caller, upgrade: true, inform: undefined, signal: gone.signal }),
    )
    if (reply.kind === 'response') return reply
    response.detachSocket(socket)
    await joinUpgraded(socket, head, reply, { idleMs: deps.tunnelIdleMs() })
    return undefined
  })
}

interface Incoming {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly upgrade: boolean
}

/** Writes what `act` gives, or why it failed in the provider's own dialect. */
async function answering(
  deps: BaseUrlDeps,
  { provider, path }: BaseUrlTarget,
  { message, response, upgrade }: Incoming,
  act: () => Promise<Extract<Reply, { kind: 'response' }> | undefined>,
): Promise<void> {
  try {
    const { httpVersion: version, method = '', rawHeaders: headers } = message
    const fault = headFault({ version, method, headers }, upgrade) ?? pathFault(path)
    if (fault !== undefined) {
      endWith(response)
      throw new Refusal(fault)
    }
    const reply = await act()
    if (reply !== undefined) await writeReply(response, reply)
  } catch (error) {
    const refusal = asRefusal(error)
    emitRefusal(deps, message, refusal)
    if (response.headersSent || response.destroyed) return void response.destroy()
    const reply = deps.refuse(provider, refusal, upgrade)
    if (reply !== undefined) await writeReply(response, reply)
    else respondError(response, { status: 404, message: 'There is no provider of this name.' })
  }
}

async function admit(
  { authenticate, isJwt, sessions, strangers }: BaseUrlDeps,
  { rawHeaders, socket }: IncomingMessage,
  { client, signal }: { readonly client: ServerResponse | Socket; readonly signal: AbortSignal },
): Promise<Caller> {
  const session = sessions.enter(client)
  if (typeof session === 'string') throw new Refusal(session)
  const from = { address: socket.remoteAddress ?? '', gone: signal }
  const caller = await authenticate(callerCredentials(rawHeaders, isJwt), from).catch(
    (error: unknown) => {
      throw ofThisListener(error)
    },
  )
  const fault = sessions.admit(client, caller)
  if (fault !== undefined) throw new Refusal(fault)
  strangers.leaveFor(client, socket)
  return caller
}

/** 407 is for proxies: here the credential is that of an ordinary server. */
function ofThisListener(error: unknown): unknown {
  if (!(error instanceof Refusal)) return error
  if (error.reason === 'auth_missing') return new Refusal('token_required')
  return error.reason === 'auth_invalid' ? new Refusal('token_invalid', error.detail) : error
}

/** What a TLS server in front says of the client is no business of the provider's. */
const FORWARDED = /^(?:forwarded|x-forwarded-.+|x-real-ip)$/

function toCall(
  { provider, path }: BaseUrlTarget,
  message: IncomingMessage,
  rest: Pick<Call, 'caller' | 'upgrade' | 'inform' | 'signal'>,
): Call {
  const { remoteAddress = '', remotePort = 0 } = message.socket
  return {
    id: randomUUID(),
    protocol: 'http/1.1',
    connectId: handedOnAs(message),
    provider,
    peer: { address: remoteAddress, port: remotePort },
    host: hostOf(message),
    method: message.method ?? 'GET',
    path,
    headers: filterHeaders(message.rawHeaders, name => !FORWARDED.test(name)),
    body: message,
    ...rest,
  }
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** The id under which another proxy knows this call, so that its log and ours meet. */
function handedOnAs({ rawHeaders }: IncomingMessage): string | undefined {
  const id = firstHeader(rawHeaders, 'x-coder-ai-governance-request-id')
  return id !== undefined && UUID.test(id) ? id : undefined
}

/** The name under which the client knows this listener, for the books. */
function hostOf({ rawHeaders, socket }: IncomingMessage): string {
  const parsed = parseHostHeader(firstHeader(rawHeaders, 'host') ?? '', 80)
  return parsed.ok ? hostText(parsed.target.host) : (socket.localAddress ?? '')
}

function emitRefusal({ emit }: BaseUrlDeps, { socket }: IncomingMessage, refusal: Refusal): void {
  emit({
    type: 'client_error',
    peer: socket.remoteAddress ?? '',
    reason: refusal.reason,
    detail: detailOf(refusal),
  })
}
