import type { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import type { Event } from './event.ts'
import type { RawHeaders } from './headers.ts'
import type { Reason } from './reasons.ts'
import type { Ruling } from './rule.ts'
import type { Secret } from './secret.ts'
import type { Target } from './target.ts'

/** Who a token belongs to. */
export interface Identity {
  readonly user: string
  readonly tokenId: string
  readonly admin: boolean
  /** Groups that whoever vouches for the caller names, beside those of the policy file. */
  readonly groups?: readonly string[]
  /** A user of the deployment, which has their records; a namesake's may be here. */
  readonly recordsElsewhere?: true
}

/** Whom a token or a certificate names, for as long as it does. */
export interface Holder {
  readonly identity: Identity
  /** False once it is revoked or expired; from memory, asked anew by what lives long. */
  readonly isValid: () => boolean
}

/** The holder, and the token that proved it: the bridge must recognise it. */
export interface Caller extends Holder {
  readonly token: Secret | undefined
}

/** What a client showed on a TLS listener; nothing but its CA vouches for it. */
export interface ClientCertificate {
  readonly x509: X509Certificate
  /** Why it does not verify. */
  readonly fault: string | undefined
}

interface Peer {
  readonly address: string
  readonly port: number
}

/** A CONNECT that parsed and authenticated; nothing about it changes any more. */
export interface ConnectRequest {
  readonly id: string
  readonly peer: Peer
  readonly target: Target
  readonly caller: Caller
}

/** What is to happen to a request, before anything was looked up or dialled. */
export type Verdict =
  | { readonly kind: 'refuse'; readonly reason: Reason }
  | { readonly kind: 'tunnel' }
  | { readonly kind: 'intercept'; readonly provider: string; readonly host: string }

/** The verdict for one caller, and what their rules have to do with it. */
export interface CallerVerdict {
  readonly verdict: Verdict
  /** The rule that refused. */
  readonly rule: string | undefined
  /** What a rule under trial would refuse. */
  readonly shadow: Ruling | undefined
}

/** One request inside an intercepted connection (or on a base-URL route). */
export interface Call {
  readonly id: string
  /** Of its CONNECT; of a call that another proxy handed on, that proxy's id for it. */
  readonly connectId: string | undefined
  readonly provider: string
  readonly caller: Caller
  readonly peer: Peer
  /** The host that the client asked for. */
  readonly host: string
  /** Of its CONNECT; a base-URL route has none. */
  readonly target?: Target
  /** What it came in; the rest of a call is the same in both. */
  readonly protocol: 'http/1.1' | 'h2'
  readonly method: string
  /** Path and query exactly as sent. */
  readonly path: string
  readonly headers: RawHeaders
  readonly body: Body
  /** The client asks to switch to WebSocket; `body` then carries nothing. */
  readonly upgrade: boolean
  /** Informational answers (103) are handed on through this. */
  readonly inform: ((status: number, headers: RawHeaders) => void) | undefined
  /** Aborts when the client has gone before its answer was complete. */
  readonly signal: AbortSignal
}

/** What stands behind a head, and the trailers once it has ended. */
export type Body = Readable & { readonly rawTrailers?: RawHeaders }

/** What goes back: an ordinary answer, or both directions of a switched connection. */
export type Reply =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly statusText: string
      readonly headers: RawHeaders
      readonly body: Body
      /** Nothing but the end of its connection says that it is over (RFC 9112 6.3). */
      readonly untilClose?: boolean
      /** The head said that nothing follows; gRPC tells that from an empty body. */
      readonly isHeadOnly?: boolean
    }
  | {
      readonly kind: 'upgraded'
      readonly status: 101
      readonly statusText: string
      readonly headers: RawHeaders
      readonly socket: Duplex
      readonly head: Buffer
      /** Wants a look at what the client sends, as it passes. */
      readonly onClientData?: (chunk: Buffer) => void
    }

/** Where a client wants to go, before anything was looked up. */
export interface Leg {
  readonly target: Target
  /** The token's id: whose share of the resolver this uses. */
  readonly caller: string
  /** The Via values of the request, passed on to an upstream proxy to break loops. */
  readonly via: readonly string[]
}

/** A connection to the outside, and how it got there. */
export interface Opened {
  readonly socket: Socket
  readonly route: 'direct' | 'upstream'
  /** The judged address that was dialled; absent behind an upstream proxy. */
  readonly address: string | undefined
}

/** What is known about an intercepted connection when it is over. */
export interface InterceptEnded {
  readonly calls: number
  /** Set when TLS towards the client failed: a code of `mitm/tls-failure`. */
  readonly tlsFailure: string | undefined
  /** For the operator: what that failure means and how to mend it. */
  readonly detail: string | undefined
  readonly bytesUp: number
  readonly bytesDown: number
}

/** `from`: the peer's address, the signal that it is gone, and its certificate. */
export type Authenticate = (
  proxyAuthorization: readonly string[],
  from: {
    readonly address: string
    readonly gone: AbortSignal
    readonly certificate?: ClientCertificate | undefined
  },
) => Promise<Caller>
export type Decide = (target: Target, identity: Identity) => CallerVerdict
export type Open = (leg: Leg, signal: AbortSignal) => Promise<Opened>
export type Intercept = (
  client: Socket,
  request: ConnectRequest,
  verdict: Extract<Verdict, { kind: 'intercept' }>,
) => Promise<InterceptEnded>
export type Handle = (call: Call) => Promise<Reply>
export type Emit = (event: Event) => void
