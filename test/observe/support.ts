import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { CallEnded, ConnectEnded } from '../../src/kernel/event.ts'
import type { Log, LogOptions } from '../../src/observe/log.ts'
import { createLog } from '../../src/observe/log.ts'
import type { Metrics, MetricsOptions } from '../../src/observe/metrics.ts'
import { createMetrics } from '../../src/observe/metrics.ts'

export interface LogFile extends Log {
  /** What has reached the file, as text. */
  text(): Promise<string>
  lines(): Promise<Record<string, unknown>[]>
}

export function logToFile(t: TestContext, options: Partial<LogOptions> = {}): LogFile {
  const directory = mkdtempSync(join(tmpdir(), 'aibp-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'log')
  const fd = openSync(file, 'a')
  const log = createLog({ level: 'debug', queueBytes: 2 ** 23, fd, ...options })
  // What waits would be written into the next test's file under the same number.
  t.after(async () => {
    await log.flush()
    closeSync(fd)
  })
  const text = async (): Promise<string> => {
    await log.flush()
    return readFileSync(file, 'utf8')
  }
  const lines = async (): Promise<Record<string, unknown>[]> =>
    (await text())
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line))
  return { ...log, text, lines }
}

export function metricsFor(t: TestContext, options: Partial<MetricsOptions> = {}): Metrics {
  const metrics = createMetrics({ version: '1.2.3', processMetrics: false, ...options })
  t.after(() => metrics[Symbol.dispose]())
  return metrics
}

/** `name{label="value",…}` → value; throws on a line that is not of the text format. */
export async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const { body } = await metrics.scrape()
  return parseExposition(body)
}

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (\S+)$/

export function parseExposition(body: string): Map<string, number> {
  const found = new Map<string, number>()
  for (const line of body.split('\n')) {
    if (line === '' || /^# (HELP|TYPE) [a-zA-Z_:][a-zA-Z0-9_:]* /.test(line)) continue
    const match = SAMPLE.exec(line)
    const value = Number(match?.[2])
    if (match === null || (Number.isNaN(value) && match[2] !== 'Nan'))
      throw new Error(`not a sample: ${line}`)
    found.set(match[1] ?? '', value)
  }
  return found
}

export function connectEnded(changes: Partial<ConnectEnded> = {}): ConnectEnded {
  return {
    type: 'connect_ended',
    connectId: 'c1',
    at: Date.UTC(2026, 10, 21),
    durationMs: 12.3456,
    peer: '127.0.0.1:50000',
    method: 'CONNECT',
    target: 'example.com:443',
    user: 'ada',
    tokenId: 't1',
    outcome: 'tunneled',
    reason: undefined,
    status: 200,
    provider: undefined,
    route: 'direct',
    address: '93.184.215.14',
    bytesUp: 100,
    bytesDown: 2000,
    calls: undefined,
    tlsFailure: undefined,
    detail: undefined,
    ...changes,
  }
}

export function callEnded(changes: Partial<CallEnded> = {}): CallEnded {
  return {
    type: 'call_ended',
    callId: 'k1',
    connectId: 'c1',
    at: Date.UTC(2026, 10, 21),
    durationMs: 3000,
    user: 'ada',
    tokenId: 't1',
    provider: 'openai',
    providerType: 'openai',
    host: 'api.openai.com',
    method: 'POST',
    path: '/v1/responses',
    kind: 'bridged',
    protocol: 'http/1.1',
    route: '/v1/responses',
    client: 'Codex',
    credential: 'centralized',
    credentialHint: 'sk-a...wxyz',
    refusedKeys: [],
    billing: 'metered',
    status: 200,
    outcome: 'completed',
    reason: undefined,
    bytesUp: 10,
    bytesDown: 20,
    firstByteMs: 700,
    overheadMs: 0.8,
    isOut: true,
    detail: undefined,
    ...changes,
  }
}
