import type { CallRecord } from '../../src/kernel/records.ts'
import type { AiWorld } from './ai-world.ts'

/** The id of the call that ended after `seen` events. */
export async function lastCall({ daemon }: AiWorld, seen: number): Promise<string> {
  const ended = await daemon.event('call_ended', event => daemon.events.slice(seen).includes(event))
  return ended.callId
}

/** The row of a call once it is closed. */
export async function rowOf({ daemon }: Pick<AiWorld, 'daemon'>, id: string): Promise<CallRecord> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { calls } = await daemon.ask('calls', { filter: {}, before: null, offset: 0, limit: 100 })
    const row = calls.find(known => known.id === id)
    if (row !== undefined && row.status !== 'in_progress') return row
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error(`no closed row for ${id}`)
}
