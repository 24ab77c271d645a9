import type { RequestFacts, ResponseFacts, WireFormat } from '../../kernel/usage.ts'
import type { Framing } from '../usage/format.ts'
import type { TapLimits } from './limits.ts'

/** Towards the provider, or back. */
export type Side = 'up' | 'down'

/** How a body is coded; `undefined`: in a way that we cannot undo. */
export type Codings = readonly string[] | undefined

/** The head of an answer, as far as its reader needs it. */
export interface AnswerHead {
  readonly status: number
  readonly framing: Framing
  readonly codings: Codings
}

/** permessage-deflate as negotiated: whether messages may refer to earlier ones, by direction. */
export interface Takeover {
  /** False: no message may be compressed. */
  readonly deflate: boolean
  readonly up: boolean
  readonly down: boolean
}

export type Operation =
  | {
      readonly op: 'open'
      readonly id: number
      readonly format: WireFormat
      /** Without the query, which may hold a credential. */
      readonly path: string
      readonly codings: Codings
      /** Set for WebSockets. */
      readonly takeover: Takeover | undefined
    }
  | { readonly op: 'head'; readonly id: number; readonly head: AnswerHead }
  | {
      readonly op: 'bytes'
      readonly id: number
      readonly side: Side
      /** Offsets into the batch's buffer. */
      readonly from: number
      to: number
    }
  /** Bytes were left out: what came before is not worth reading on. */
  | { readonly op: 'lost'; readonly id: number; readonly side: Side }
  | { readonly op: 'end'; readonly id: number; readonly side: Side; readonly complete: boolean }
  | { readonly op: 'cancel'; readonly id: number }

export interface Batch {
  /** What the operations point into. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** By user, whose turn they are part of; each user's in their order. */
  readonly operations: ReadonlyMap<string, readonly Operation[]>
}

export type ToTapWorker =
  | { readonly type: 'batch'; readonly batch: Batch }
  | { readonly type: 'close' }

export type Finding =
  | { readonly kind: 'request'; readonly id: number; readonly facts: RequestFacts }
  | { readonly kind: 'response'; readonly id: number; readonly facts: ResponseFacts }
  /** No more bytes of this side are wanted. */
  | { readonly kind: 'stop'; readonly id: number; readonly side: Side }
  /** Nothing more will be found out about this call. */
  | { readonly kind: 'failed'; readonly id: number }
  /** Everything about this call has been said. */
  | { readonly kind: 'settled'; readonly id: number }

/** What a turn of reading came to. */
export interface FromTapWorker {
  readonly findings: readonly Finding[]
  /** Bytes that have been read, by who held them. */
  readonly read: ReadonlyMap<string, number>
  /** Operations that are over. */
  readonly done: number
}

export interface TapWorkerData {
  readonly limits: TapLimits
}
