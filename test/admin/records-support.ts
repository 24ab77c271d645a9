import type { TestContext } from 'node:test'
import type { Billing } from '../../src/kernel/price.ts'
import type { AskRecords } from '../../src/kernel/records.ts'
import type { OpenedRecorder } from '../record/books-support.ts'
import { ended, intent, openRecorder, request, response } from '../record/books-support.ts'

/** Real books with one finished call of `ada` in the session `session-1`. */
export async function someRecords(t: TestContext): Promise<AskRecords> {
  const opened = await openRecorder(t)
  await call(opened, { user: 'ada', session: 'session-1' })
  return opened.recorder.ask
}

export interface Wanted {
  readonly user?: string
  readonly session?: string
  readonly model?: string
  readonly client?: string
  readonly provider?: string
  readonly prompt?: string
  readonly at?: number
  /** The tool call that this one answers, and the ones that its answer makes. */
  readonly answers?: string
  readonly tools?: readonly string[]
  readonly thought?: string
  /** In nano-dollars, of its one answer. */
  readonly cost?: number
  readonly billing?: Billing
  readonly isOpen?: boolean
}

/** Writes one call; its id. */
export async function call({ recorder }: OpenedRecorder, wanted: Wanted = {}): Promise<string> {
  const one = intent({
    user: wanted.user ?? 'ada',
    sessionId: wanted.session ?? null,
    client: wanted.client ?? 'Claude Code',
    provider: wanted.provider ?? 'anthropic',
    billing: wanted.billing ?? 'metered',
    ...(wanted.at !== undefined && { at: wanted.at }),
  })
  const model = wanted.model ?? 'claude-opus-5'
  await recorder.begin(one)
  recorder.request(
    one.callId,
    request({
      model,
      prompt: wanted.prompt ?? 'hello',
      correlatingToolCallId: wanted.answers ?? null,
    }),
  )
  const facts = response({
    model,
    usage: { input: 10, output: 20, cacheRead: 3, cacheWrite: null, extra: { thinking: 5 } },
    tools: (wanted.tools ?? []).map(callId => ({
      callId,
      name: 'Bash',
      input: '{}',
      serverUrl: null,
      injected: false,
      invocationError: null,
    })),
    thoughts: wanted.thought === undefined ? [] : [{ content: wanted.thought, source: 'thinking' }],
  })
  recorder.response(one.callId, facts, wanted.cost)
  if (wanted.isOpen !== true) recorder.finish(ended(one))
  await recorder.flush()
  return one.callId
}
