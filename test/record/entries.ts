import { type CallLimits, NO_LIMITS } from '../../src/kernel/budget.ts'
import type { CallIntent } from '../../src/kernel/records.ts'
import type { Entry } from '../../src/record/entry.ts'
import { ended, request, response } from './books-support.ts'

/** Entries of the books, for tests that commit batches themselves. */

let position = 0
/** Never the same twice, with room for the details of an answer. */
const take = (): number => (position += 10)

export function begins(intent: CallIntent, limits: CallLimits = NO_LIMITS): Entry {
  return { type: 'begin', intent, limits, isJudged: true }
}

export function asks({ callId, at }: CallIntent, change?: Parameters<typeof request>[0]): Entry {
  return { type: 'request', callId, at, position: take(), first: true, facts: request(change) }
}

export function answers(
  { callId, at }: CallIntent,
  change?: Parameters<typeof response>[0],
  costNano: number | null = null,
): Entry {
  const facts = response(change)
  const isCharged = costNano !== null
  return { type: 'response', callId, at, position: take(), facts, costNano, isCharged }
}

export function ends(call: CallIntent, change?: Parameters<typeof ended>[1], lost = 0): Entry {
  return {
    type: 'end',
    ended: ended(call, change),
    first: false,
    lost,
    isCharged: false,
    isBilled: true,
  }
}
