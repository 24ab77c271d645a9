import { randomUUID } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/kernel/clock.ts'
import type { CallEnded, ConnectEnded } from '../../src/kernel/event.ts'
import type { CallIntent } from '../../src/kernel/records.ts'
import type { RequestFacts, ResponseFacts } from '../../src/kernel/usage.ts'
import type { BookStore } from '../../src/record/book-store.ts'
import { databaseFile } from '../../src/record/database.ts'
import { Recorder } from '../../src/record/recorder.ts'
import type { RecorderOptions, RecorderSettings } from '../../src/record/recorder-options.ts'
import type { SqliteBooksOptions } from '../../src/record/sqlite-books.ts'
import { SqliteBooks } from '../../src/record/sqlite-books.ts'
import { temporaryDirectory } from './support.ts'

export function intent(change: Partial<CallIntent> = {}): CallIntent {
  return {
    callId: randomUUID(),
    connectId: null,
    at: Date.now(),
    user: 'ada',
    tokenId: 'token-1',
    provider: 'anthropic',
    providerType: 'anthropic',
    host: 'api.anthropic.com',
    method: 'POST',
    path: '/v1/messages',
    kind: 'bridged',
    client: 'Claude Code',
    userAgent: 'claude-cli/2.1',
    sessionId: null,
    credential: 'centralized',
    credentialHint: 'sk-a...wxyz',
    billing: 'metered',
    firewallSession: null,
    firewallSequence: null,
    ...change,
  }
}

export function request(change: Partial<RequestFacts> = {}): RequestFacts {
  return {
    model: 'claude-opus-5',
    streaming: true,
    prompt: 'hello',
    correlatingToolCallId: null,
    bodySessionId: null,
    ...change,
  }
}

export function response(change: Partial<ResponseFacts> = {}): ResponseFacts {
  return {
    responseId: 'msg_1',
    model: 'claude-opus-5',
    usage: { input: 10, output: 20, cacheRead: 3, cacheWrite: 4, extra: {} },
    usageNote: null,
    tools: [],
    thoughts: [],
    errorType: null,
    errorMessage: null,
    ...change,
  }
}

export function ended(of: CallIntent, change: Partial<CallEnded> = {}): CallEnded {
  return {
    type: 'call_ended',
    callId: of.callId,
    connectId: of.connectId ?? undefined,
    at: of.at,
    durationMs: 1500,
    user: of.user,
    tokenId: of.tokenId,
    provider: of.provider,
    providerType: of.providerType,
    host: of.host,
    method: of.method,
    path: of.path,
    kind: of.kind,
    protocol: 'http/1.1',
    route: of.path,
    client: of.client,
    credential: of.credential,
    credentialHint: of.credentialHint ?? undefined,
    refusedKeys: [],
    billing: of.billing ?? undefined,
    status: 200,
    outcome: 'completed',
    reason: undefined,
    bytesUp: 100,
    bytesDown: 200,
    firstByteMs: 12.4,
    overheadMs: 0.5,
    isOut: true,
    detail: undefined,
    ...change,
  }
}

export function connectEnded(change: Partial<ConnectEnded> = {}): ConnectEnded {
  return {
    type: 'connect_ended',
    connectId: randomUUID(),
    at: Date.now(),
    durationMs: 5,
    peer: '127.0.0.1',
    method: 'CONNECT',
    target: 'example.com:443',
    user: 'ada',
    tokenId: 'token-1',
    outcome: 'tunneled',
    reason: undefined,
    status: 200,
    provider: undefined,
    route: 'direct',
    address: '203.0.113.5',
    bytesUp: 10,
    bytesDown: 20,
    calls: undefined,
    tlsFailure: undefined,
    detail: undefined,
    ...change,
  }
}

export const SETTINGS: RecorderSettings = {
  prompts: 'true',
  failOpen: false,
  structuredLogging: false,
  retentionMs: 0,
  retentionBytes: 0,
}

export interface OpenedRecorder {
  readonly recorder: Recorder
  readonly stateDir: string
  readonly lines: string[]
  readonly states: (string | undefined)[]
  /** A row each, by SQL over the database itself. */
  readonly rows: (sql: string) => Record<string, unknown>[]
}

/** One database, which recorders that are opened with the same `stateDir` share. */
export interface BooksPlace {
  openStore(options: Omit<SqliteBooksOptions, 'stateDir'>): BookStore
  rows(sql: string): Record<string, unknown>[]
}

/** Where the books of these tests are kept; `postgres.test.ts` has them elsewhere. */
export const books = { placeOf: inSqlite }

function inSqlite(stateDir: string): BooksPlace {
  return {
    openStore: options => new SqliteBooks({ ...options, stateDir }),
    rows(sql) {
      using database = new DatabaseSync(databaseFile(stateDir), { readOnly: true })
      return database.prepare(sql).all()
    },
  }
}

export async function openRecorder(
  t: TestContext,
  options: Partial<SqliteBooksOptions & Omit<RecorderOptions, 'settings'>> & {
    readonly settings?: Partial<RecorderSettings>
  } = {},
): Promise<OpenedRecorder> {
  const stateDir = options.stateDir ?? temporaryDirectory(t)
  const lines: string[] = []
  const states: (string | undefined)[] = []
  const { settings = {}, ...others } = options
  const place = books.placeOf(stateDir)
  const recorder = await Recorder.open({
    store: place.openStore(others),
    clock: systemClock,
    queueSize: 10_000,
    writeLine: line => lines.push(line),
    onState: problem => states.push(problem),
    ...others,
    settings: () => ({ ...SETTINGS, ...settings }),
  })
  t.after(() => recorder[Symbol.asyncDispose]())
  return {
    recorder,
    stateDir,
    lines,
    states,
    rows: sql => place.rows(sql),
  }
}

/** The values of some columns. */
export function pick(row: Record<string, unknown> | undefined, ...names: string[]): unknown[] {
  return names.map(name => row?.[name])
}
