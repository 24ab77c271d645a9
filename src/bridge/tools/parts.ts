import type { Refusal } from '../../kernel/error.ts'
import type { Reply } from '../../kernel/flow.ts'
import type { RawHeaders } from '../../kernel/headers.ts'
import type { UpstreamRequest } from '../provider.ts'

export type Response = Extract<Reply, { kind: 'response' }>

/** What the client sent, or we in its place. */
export interface Message {
  readonly headers: RawHeaders
  readonly body: UpstreamRequest['body']
}

export type Send = (message: Message) => Promise<Reply>

/** An answer of the provider, and when it has been read and is in the books. */
export interface PartAnswer {
  readonly reply: Response
  readonly isRead: Promise<void>
}

/** The answers that make one for the client: each is recorded and paid by itself. */
export interface Parts {
  /** The first one. */
  begin(reply: Response): PartAnswer
  /** Asks once more, if the call may. Rejects with a Refusal. */
  next(send: () => Promise<Reply>): Promise<PartAnswer>
  /** The client is told in its answer that it ends here. */
  brokenOff(refusal: Refusal): void
}
