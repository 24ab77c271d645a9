import { Refusal } from '../../kernel/error.ts'
import type { Call, Reply } from '../../kernel/flow.ts'
import type { ResponseFacts } from '../../kernel/usage.ts'
import type { Books } from '../books.ts'
import type { CallEvents } from '../call-events.ts'
import type { TapRequest, Taps } from '../tap/taps.ts'
import { UNPARSED } from '../usage/response-fold.ts'
import type { Parts } from './parts.ts'

interface Deps {
  readonly books: Books
  readonly taps: Pick<Taps, 'open'>
}

/** Of a request that the provider never had, and so did not bill. */
const UNASKED: ResponseFacts = { ...UNPARSED, usageNote: null }
/** Of one that it had, and of whose answer nothing was seen. */
const UNSEEN: ResponseFacts = { ...UNPARSED, usageNote: 'partial' }

/**
 * The answers that one call takes while tools are called for it. Each has a tap
 * of its own, is written down and paid when it ends, and is waited for before
 * the next request: that one has to be within the budgets.
 */
export function recordParts(
  { books, taps }: Deps,
  { id }: Pick<Call, 'id'>,
  { events, observed }: { readonly events: CallEvents; readonly observed: TapRequest },
): Parts {
  const openTap = () => {
    const tap = taps.open({ ...observed, onRequest: () => undefined })
    tap.request.end(true)
    return tap
  }
  const follow: Parts['begin'] = reply => ({
    reply,
    isRead: events.partAnswered(reply, openTap),
  })
  return {
    begin: follow,
    async next(send) {
      await books.askAgain(id)
      events.sendingAgain()
      let reply: Reply
      try {
        reply = await send()
      } catch (error) {
        books.response(id, events.isOut ? UNSEEN : UNASKED, null)
        throw error
      }
      if (reply.kind === 'response') return follow(reply)
      throw new Refusal('provider_broken', 'switched protocols unasked')
    },
    brokenOff: refusal => events.brokenOff(refusal),
  }
}
