import { type CallLimits, NO_LIMITS } from '../kernel/budget.ts'
import { ConfigurationError, describeError, Refusal } from '../kernel/error.ts'
import type { CallEnded, ConnectEnded } from '../kernel/event.ts'
import { waitPatiently } from '../kernel/patience.ts'
import type { AskRecords, CallIntent } from '../kernel/records.ts'
import type { RequestFacts, ResponseFacts, ToolUse } from '../kernel/usage.ts'
import { awaitEntry, type EntryFailure, settleAll } from './await-entry.ts'
import { isBilled } from './end-row.ts'
import type { BeginEntry, Entry, RetrievalEntry, TurnEntry } from './entry.ts'
import { type Batch, EntryQueue, type Waiting } from './entry-queue.ts'
import { GapWatch } from './gap-watch.ts'
import { refusalOf } from './limits/denial.ts'
import { KnownDenials } from './limits/known-denials.ts'
import { type OpenCall, UNTOLD } from './open-call.ts'
import { questionsInTurn } from './questions-in-turn.ts'
import type { RecorderOptions } from './recorder-options.ts'
import { RepeatedConnects } from './repeated-connects.ts'

/** How long an entry that nobody waits for may wait: a quarter of what we promise. */
const FLUSH_MS = 100
const RETRY_MS = 500
const BEGIN_TIMEOUT_MS = 5000
const CLOSE_MS = 5000
const QUEUE_BYTES = 64 * 1024 * 1024

/**
 * Keeps the books: who called, before the first byte goes out, and everything
 * else when it is known. Only `begin` is waited for; nothing here can delay,
 * change or fail a stream.
 */
export class Recorder implements AsyncDisposable {
  readonly ask: AskRecords
  readonly #options: RecorderOptions
  readonly #patienceMs: number
  readonly #queue: EntryQueue
  readonly #gap: GapWatch
  readonly #open = new Map<string, OpenCall>()
  readonly #denials = new KnownDenials()
  readonly #connects = new RepeatedConnects((ended, leftOut) =>
    this.#push({ type: 'connect', ended, leftOut, position: this.#take(1) }),
  )
  #timer: NodeJS.Timeout | undefined
  #soon: NodeJS.Immediate | undefined
  #writing: Promise<void> | undefined
  /** The store has not answered for as long as a call waits. */
  #isLate = false
  #position = 0
  #closing = false

  private constructor(options: RecorderOptions) {
    this.#options = options
    this.#patienceMs = options.beginTimeoutMs ?? BEGIN_TIMEOUT_MS
    this.ask = questionsInTurn(options.store)
    this.#queue = new EntryQueue(options.queueSize, QUEUE_BYTES)
    this.#gap = new GapWatch(options.clock, options.onState)
  }

  /**
   * Opens the books, and closes the calls of processes that died.
   * @throws ConfigurationError when they cannot be written
   */
  static async open(options: RecorderOptions): Promise<Recorder> {
    try {
      await options.store.closeDead()
    } catch (error) {
      await options.store[Symbol.asyncDispose]()
      throw new ConfigurationError([`the books cannot be opened: ${describeError(error)}`])
    }
    return new Recorder(options)
  }

  /** False while the last attempt to write failed, for readiness. */
  get available(): boolean {
    return this.#gap.problem === undefined
  }

  /** Entries that wait to be written. */
  get queued(): number {
    return this.#queue.length
  }

  /** Entries that were lost because too many waited. */
  get dropped(): number {
    return this.#gap.dropped
  }

  /**
   * Resolves when the call is durably on record: nothing may go to the provider
   * before. All who wait in one turn share one transaction. `onExhausted` hears
   * when an answer has used up a budget of this call.
   * @throws Refusal `rate_limited` or `budget_exhausted` for a call beyond its limits
   * @throws Refusal `accounting_unavailable`, unless failures let calls through
   */
  begin(
    intent: CallIntent,
    limits: CallLimits = NO_LIMITS,
    onExhausted: () => void = () => undefined,
  ): Promise<void> {
    const known = this.#denials.find(intent.user, limits, intent.at)
    if (known !== undefined) {
      this.#open.set(intent.callId, { ...UNTOLD, isRepeated: true })
      return Promise.reject(refusalOf(known))
    }
    this.#open.set(intent.callId, { ...UNTOLD, charges: limits.charges, onExhausted })
    const entry: BeginEntry = { type: 'begin', intent, limits, isJudged: true }
    return this.#await(entry, waiting => this.#queue.pushBegin(waiting))
  }

  /**
   * Resolves when a call may ask its provider once more. What was answered until
   * now is settled before, and each purse has to have something left.
   * @throws Refusal as `begin` does
   */
  askAgain(callId: string): Promise<void> {
    const call = this.#open.get(callId)
    if (call === undefined) return Promise.resolve()
    call.isContinued = true
    const { charges } = call
    const when = { at: this.#options.clock.now(), position: this.#take(1) }
    const entry: TurnEntry = { type: 'turn', callId, ...when, charges, isJudged: true }
    // Behind the answer that it follows.
    if (charges.length > 0) return this.#await(entry, waiting => this.#queue.push(waiting))
    this.#push(entry, callId)
    return Promise.resolve()
  }

  /** What a request was about, as soon as it is known. A WebSocket has several. */
  request(callId: string, facts: RequestFacts): void {
    const call = this.#open.get(callId)
    const first = call?.isTold === false
    if (call !== undefined) call.isTold = true
    const kept = this.#options.settings().prompts === 'false' ? { ...facts, prompt: null } : facts
    const at = this.#options.clock.now()
    this.#push({ type: 'request', callId, at, position: this.#take(1), first, facts: kept }, callId)
  }

  /** One answer of the provider, and what it cost in nano-dollars if that is known. */
  response(callId: string, facts: ResponseFacts, costNano: number | null = null): void {
    const position = this.#takeFor(facts)
    const at = this.#options.clock.now()
    const isCharged = (this.#open.get(callId)?.charges.length ?? 0) > 0
    this.#push({ type: 'response', callId, at, position, facts, costNano, isCharged }, callId)
  }

  /** The end of an answer that an earlier call began. */
  retrieved(seen: Omit<RetrievalEntry, 'type' | 'at' | 'position'>): void {
    const position = this.#takeFor(seen.facts)
    this.#push({ type: 'retrieval', at: this.#options.clock.now(), position, ...seen })
  }

  /** A tool that was called here for the model, in the answer of that id. */
  tool(callId: string, tool: ToolUse, responseId: string | null): void {
    const at = this.#options.clock.now()
    this.#push({ type: 'tool', callId, at, position: this.#take(1), responseId, tool }, callId)
  }

  /** The end of a call, begun or refused before. */
  finish(ended: CallEnded): void {
    const call = this.#open.get(ended.callId) ?? UNTOLD
    this.#open.delete(ended.callId)
    // The first of a flood of refusals are on record, and it would be the flood that fills it.
    if (call.isRepeated || (call === UNTOLD && !this.#denials.tells(ended.user, ended.at))) return
    const { isTold, lost, charges } = call
    const paid = { isCharged: charges.length > 0, isBilled: isBilled(ended, call) }
    this.#push({ type: 'end', ended, first: !isTold, lost, ...paid })
  }

  /** The end of a CONNECT or of a plain request, whatever became of it. */
  connect(ended: ConnectEnded): void {
    this.#connects.add(ended)
  }

  /** Resolves when everything so far is written, or cannot be. */
  async flush(): Promise<void> {
    do {
      await (this.#writing ?? this.#write())
    } while (this.#queue.length > 0 && this.available)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing) return
    this.#connects.tell()
    this.#closing = true
    clearTimeout(this.#timer)
    clearImmediate(this.#soon)
    const patience = Promise.withResolvers<void>()
    const limit = setTimeout(patience.resolve, CLOSE_MS)
    await Promise.race([this.flush(), patience.promise])
    clearTimeout(limit)
    const { begins, rest } = this.#queue.take()
    for (const { settle } of [...begins, ...rest]) settle?.('the books are closed')
    await this.#options.store[Symbol.asyncDispose]()
  }

  #await(entry: BeginEntry | TurnEntry, push: (waiting: Waiting) => boolean): Promise<void> {
    const { waiting, written } = awaitEntry(entry, this.#patienceMs, failure =>
      this.#judge(entry, failure),
    )
    const { problem } = this.#gap
    if (this.#closing) waiting.settle('the books are closed')
    // Nobody is made to wait for what is known to fail.
    else if (problem !== undefined && (this.#isLate || this.#options.settings().failOpen)) {
      waiting.settle(problem)
    } else if (!push(waiting)) waiting.settle('too many calls wait to be recorded')
    this.#schedule()
    return written
  }

  /** What becomes of a call whose entry could not be written: undefined lets it go on. */
  #judge(entry: BeginEntry | TurnEntry, failure: EntryFailure): Refusal | undefined {
    if (typeof failure !== 'string') {
      if (entry.type === 'begin') {
        this.#denials.remember(entry.intent.user, failure, entry.intent.at)
      }
      return refusalOf(failure)
    }
    if (!this.#options.settings().failOpen || this.#closing) {
      return new Refusal('accounting_unavailable', failure)
    }
    this.#gap.passed(failure)
    const callId = entry.type === 'begin' ? entry.intent.callId : entry.callId
    this.#push({ ...entry, isJudged: false }, callId)
    return undefined
  }

  #takeFor({ tools, thoughts }: ResponseFacts): number {
    return this.#take(1 + tools.length + thoughts.length)
  }

  #take(count: number): number {
    const position = this.#position + 1
    this.#position += count
    return position
  }

  #push(entry: Entry, callId?: string): void {
    if (!this.#queue.push({ entry })) {
      this.#gap.lost()
      const call = callId === undefined ? undefined : this.#open.get(callId)
      if (call !== undefined) call.lost += 1
    }
    this.#schedule()
  }

  #schedule(): void {
    if (this.#writing !== undefined || this.#closing) return
    // While nothing can be written, the clock sets the pace, not the callers.
    const urgent = this.#queue.isAwaited || (this.available && this.#queue.isBatchFull)
    if (urgent) this.#soon ??= setImmediate(() => void this.#write())
    else if (this.#queue.length > 0 || !this.available) {
      this.#timer ??= setTimeout(() => void this.#write(), this.available ? FLUSH_MS : RETRY_MS)
    }
  }

  #write(): Promise<void> {
    if (this.#writing !== undefined) return this.#writing
    clearTimeout(this.#timer)
    clearImmediate(this.#soon)
    this.#timer = undefined
    this.#soon = undefined
    const batch = this.#queue.take()
    this.#writing = this.#commit(batch).finally(() => {
      this.#writing = undefined
      this.#schedule()
    })
    return this.#writing
  }

  async #commit({ begins, rest }: Batch): Promise<void> {
    const { prompts: text, structuredLogging: lines } = this.#options.settings()
    const all = [...begins, ...rest]
    const entries = all.map(({ entry }) => entry)
    using _late = waitPatiently(this.#patienceMs, () => {
      this.#isLate = true
      this.#turned('the books did not answer in time')
    })
    try {
      const result = await this.#options.store.commit({ entries, text, lines })
      settleAll(all, result)
      for (const callId of result.exhausted) this.#open.get(callId)?.onExhausted()
      for (const one of result.retrieved) this.#options.onRetrieved?.(one)
      for (const line of result.lines) this.#options.writeLine(line)
      this.#turned(undefined)
    } catch (error) {
      const problem = describeError(error)
      this.#queue.putBack(rest)
      for (const { settle } of all) settle?.(problem)
      this.#turned(problem)
    } finally {
      this.#isLate = false
    }
  }

  #turned(problem: string | undefined): void {
    const gap = this.#gap.turned(problem)
    if (gap !== undefined) this.#push({ type: 'gap', position: this.#take(1), ...gap })
  }
}
