import { once } from 'node:events'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { errorCode, Refusal } from '../kernel/error.ts'
import { REASONS, unparsedReason } from '../kernel/reasons.ts'
import { headFault } from '../kernel/request-head.ts'
import type { ListenAddress } from '../kernel/target.ts'
import { listen, serverOptions } from '../relay/listening.ts'
import { endWith, enqueue, isAnswering } from '../relay/pipeline.ts'
import { isWebSocket, responseOn } from '../relay/upgrade.ts'
import { admit, isForeign, isLoopback } from './access.ts'
import { serveBaseUrl, serveBaseUrlUpgrade } from './base-url/serve.ts'
import { type BaseUrlTarget, baseUrlTarget } from './base-url/target.ts'
import type { AdminDeps } from './deps.ts'
import { type ErrorAnswer, rawError, respondError } from './respond.ts'
import type { Route } from './route.ts'
import { matchRoute } from './route.ts'
import { ROUTES } from './routes.ts'

/** No route of the API takes a body yet; what is announced beyond this is not even read. */
const MAX_BODY_BYTES = 1024 * 1024
const CLOSE_TIMEOUT_MS = 1000

/** Clients whose HTTPS_PROXY names this port would see an empty answer otherwise. */
const NO_PROXY: ErrorAnswer = {
  status: 405,
  message: 'This is the API. CONNECT belongs to the port of the proxy.',
}

export interface Admin extends AsyncDisposable {
  /**
   * @param option names the setting that the address came from, for the error.
   * @throws ConfigurationError when the address cannot be bound.
   */
  listen(address: ListenAddress, option?: string): Promise<{ readonly address: ListenAddress }>
}

/** An HTTP server of its own, so that no load on it touches the proxy's listener. */
export function createAdmin(deps: AdminDeps, routes: readonly Route[] = ROUTES): Admin {
  let place: Place = { host: '', loopback: false }
  const onRequest: RequestListener = (request, response) => {
    request.on('error', () => undefined)
    response.on('error', () => undefined)
    answer({ request, response, deps, routes, place }).catch((error: unknown) => {
      const { status, text } = REASONS[error instanceof Refusal ? error.reason : 'internal']
      if (status === 500) deps.onError(error)
      if (response.headersSent) response.destroy()
      else respondError(response, { status, message: text })
    })
  }
  const server = createServer(
    {
      ...serverOptions(deps.limits),
      shouldUpgradeCallback: request =>
        isWebSocket(request) && bridgeTarget({ request, deps, routes }) !== undefined,
    },
    onRequest,
  )
  server.on('checkExpectation', onRequest)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined)
    switchOver({ request, deps, routes, place }, head)
  })
  server.on('connect', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined)
    respondOn(request, NO_PROXY)
  })
  deps.baseUrl?.sessions.draining.addEventListener('abort', () => server.closeIdleConnections())
  server.maxHeadersCount = deps.limits.headCount
  server.on('connection', (socket: Socket) => {
    socket.on('error', () => undefined)
    deps.strangers.arrive(socket)
  })
  server.on('clientError', refuseUnreadable)

  return {
    async listen(address, option = 'CODER_HTTP_ADDRESS') {
      const { address: host, port } = await listen(server, address, option)
      server.on('error', deps.onError)
      place = { host: address.host, loopback: isLoopback(host) }
      return { address: { host, port } }
    },
    [Symbol.asyncDispose]: () => close(server),
  }
}

interface Place {
  readonly host: string
  readonly loopback: boolean
}

interface Incoming {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly deps: AdminDeps
  readonly routes: readonly Route[]
  readonly place: Place
}

async function answer(incoming: Incoming): Promise<void> {
  const { request, response, deps } = incoming
  enqueue(response)
  const target = bridgeTarget(incoming)
  const refusal = refusalOf(incoming)
  // What is not read must not be taken for the next request.
  if (announcesBody(request) && (target === undefined || refusal !== undefined)) endWith(response)
  if (refusal !== undefined) return respondError(response, refusal)
  if (target !== undefined && deps.baseUrl !== undefined) {
    return await serveBaseUrl(deps.baseUrl, target, request, response)
  }
  return await answerApi(incoming)
}

async function answerApi(incoming: Incoming): Promise<void> {
  const { request, response, routes } = incoming
  const { headers, method = '', url = '' } = request
  if (Number(headers['content-length'] ?? 0) > MAX_BODY_BYTES) {
    return respondError(response, { status: 413, message: 'The request body is too large.' })
  }

  const match = matchRoute(routes, method, url)
  switch (match.kind) {
    case 'target':
      return respondError(response, { status: 400, message: 'The request target must be a path.' })
    case 'none':
      return respondError(response, { status: 404, message: 'Route not found.' })
    case 'method':
      return respondError(response, {
        status: 405,
        message: 'The method is not allowed here.',
        headers: { Allow: match.allow },
      })
    case 'route':
      return await serve(incoming, match)
  }
}

/** A switch to WebSocket, which only base-URL routes are asked for. */
function switchOver(incoming: Omit<Incoming, 'response'>, head: Buffer): void {
  const { request, deps } = incoming
  const target = bridgeTarget(incoming)
  const refusal = refusalOf(incoming)
  if (target === undefined || deps.baseUrl === undefined) request.socket.destroy()
  else if (refusal !== undefined) respondOn(request, refusal)
  else void serveBaseUrlUpgrade(deps.baseUrl, target, request, head)
}

function respondOn(request: IncomingMessage, refusal: ErrorAnswer): void {
  const response = responseOn(request)
  if (response !== undefined) respondError(response, refusal)
}

/** What a base-URL route addresses; routes of the API come first. */
function bridgeTarget({
  request: { method = '', url = '' },
  deps,
  routes,
}: Pick<Incoming, 'request' | 'deps' | 'routes'>): BaseUrlTarget | undefined {
  const isOurs = deps.baseUrl === undefined || matchRoute(routes, method, url).kind !== 'none'
  return isOurs ? undefined : baseUrlTarget(url)
}

/** Who is not answered, whatever they ask for. */
function refusalOf({
  request,
  place,
}: Pick<Incoming, 'request' | 'place'>): ErrorAnswer | undefined {
  if (request.headers.host === undefined && request.httpVersion !== '1.0') {
    return { status: 400, message: 'The request has no Host header.' }
  }
  if (!place.loopback || !isForeign(request.headers, place.host)) return undefined
  return {
    status: 403,
    message: 'This host name is not served here.',
    detail: 'Use the address of the listener, localhost, or the configured host.',
  }
}

/** Runs the route's handler for whoever may have it. */
async function serve(
  { request, response, deps, place }: Incoming,
  { route, params }: Extract<ReturnType<typeof matchRoute>, { kind: 'route' }>,
): Promise<void> {
  const { headers, httpVersion: version, method = '', rawHeaders } = request
  const fault = headFault({ version, method, headers: rawHeaders })
  if (fault !== undefined) {
    const { status, text } = REASONS[fault]
    return respondError(response, { status, message: text })
  }
  const admission = await admit(route.access, headers, place.loopback, deps.authenticate)
  if (!admission.ok) {
    if (admission.wrongToken) await deps.onBadToken(request.socket.remoteAddress ?? '')
    return respondError(response, admission.answer)
  }
  await route.handle({ request, response, deps, holder: admission.holder, params })
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}

function refuseUnreadable(error: Error, socket: Socket): void {
  const code = errorCode(error)
  // SECURITY: bytes of ours would be taken for a part of the answer under way.
  const isUseless = isAnswering(socket) || !socket.writable || code === 'ECONNRESET'
  if (isUseless) return void socket.destroy()
  const { status } = REASONS[unparsedReason(code)]
  socket.end(rawError(status), () => socket.destroy())
}

/** Answers under way get a moment; idle connections go at once. */
async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  const overdue = setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS)
  await closed
  clearTimeout(overdue)
}
