import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { runInProcess } from './command-line.ts'
import { type JsonObject, parseJsonObject } from './json.ts'
import type { HostPort } from './raw-client.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const STOP_TIMEOUT_MS = 30_000

export interface DaemonProcessOptions {
  /** `CODER_…` variables; nothing of this process's environment but PATH is inherited. */
  readonly env?: Readonly<Record<string, string>>
  /** Further arguments after `serve`. */
  readonly args?: readonly string[]
  /** Kept when given; otherwise a temporary directory that goes away at disposal. */
  readonly stateDir?: string
  /** Milliseconds until `listening` must have been logged; 10,000 unless given. */
  readonly startTimeoutMs?: number
  /** Called with the process while it still starts. */
  readonly onSpawn?: (child: ChildProcess) => void
}

/** The daemon as its users run it: a process of its own, on free ports. */
export interface DaemonProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly proxy: HostPort
  readonly api: HostPort
  readonly apiUrl: string
  readonly stateDir: string
  /** The environment it runs with, for further commands on the same state. */
  readonly env: Readonly<Record<string, string>>
  /** Lines of its log so far, parsed; lines that are no JSON are `{ raw }`. */
  readonly lines: readonly JsonObject[]
  /** What it wrote to stderr so far. */
  readonly stderr: string
  /** The first line, past or future, for which `matches` holds; rejects after 10 s. */
  waitForLine(matches: (line: JsonObject) => boolean): Promise<JsonObject>
  /** Sends the signal (SIGTERM); gives the exit code, or `SIGKILL` if 30 s were not enough. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

/** Starts `serve` and waits until it listens; its log is in the error if it does not. */
export async function startDaemonProcess(
  options: DaemonProcessOptions = {},
): Promise<DaemonProcess> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'aibridge-daemon-')))
  const env = daemonEnv(stateDir, options.env)
  const child = spawn(process.execPath, [MAIN, 'serve', ...(options.args ?? [])], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  options.onSpawn?.(child)
  const exited = once(child, 'exit')
  const output = collect(child)

  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals> => {
    const killer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    await exited
    clearTimeout(killer)
    return child.exitCode ?? child.signalCode ?? 1
  }
  const dispose = async (): Promise<void> => {
    // Whatever a test left open would be drained for minutes; a second signal ends that.
    const hurry = setTimeout(() => child.kill('SIGTERM'), 500)
    await stop()
    clearTimeout(hurry)
    if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true })
  }

  const listening = output.waitForLine(
    line => line['msg'] === 'listening',
    options.startTimeoutMs ?? 10_000,
  )
  const started = await Promise.race([listening, exited.then(() => undefined)]).catch(
    () => undefined,
  )
  if (started === undefined) {
    await dispose()
    const log = output.lines.map(line => JSON.stringify(line)).join('\n')
    throw new Error(
      `the daemon did not start (exit ${child.exitCode}):\n${output.stderr()}\n${log}`,
    )
  }

  const api = hostPort(started['api'])
  return {
    child,
    proxy: hostPort(started['proxy']),
    api,
    apiUrl: `http://${api.host}:${api.port}`,
    stateDir,
    env,
    lines: output.lines,
    get stderr(): string {
      return output.stderr()
    },
    waitForLine: matches => output.waitForLine(matches, 10_000),
    stop,
    [Symbol.asyncDispose]: dispose,
  }
}

export interface CommandResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command of the CLI (`token create …`) to its end; 30 s at most. */
export async function runCommand(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  await once(child, 'close')
  return { code: child.exitCode, stdout, stderr }
}

/** A fresh caller token of the daemon's state directory. */
export async function createToken(
  daemon: Pick<DaemonProcess, 'env'>,
  user: string,
  ...flags: readonly string[]
): Promise<string> {
  const made = await runInProcess(['token', 'create', '--user', user, ...flags], daemon.env)
  if (made.code !== 0) throw new Error(`token create failed: ${made.stderr}${made.stdout}`)
  return made.stdout.trim()
}

/** The environment of a daemon on free loopback ports with its state in `stateDir`. */
export function daemonEnv(
  stateDir: string,
  env: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: stateDir,
    CODER_AIBRIDGE_PROXY_STATE_DIR: stateDir,
    CODER_AIBRIDGE_PROXY_LISTEN_ADDR: '127.0.0.1:0',
    CODER_HTTP_ADDRESS: '127.0.0.1:0',
    ...env,
  }
}

function hostPort(value: unknown): HostPort {
  const [, host, port] = /^(.*):(\d+)$/.exec(typeof value === 'string' ? value : '') ?? []
  if (host === undefined) throw new Error(`not an address: ${String(value)}`)
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) }
}

interface Output {
  readonly lines: readonly JsonObject[]
  stderr(): string
  waitForLine(matches: (line: JsonObject) => boolean, timeoutMs: number): Promise<JsonObject>
}

function collect(child: ChildProcess): Output {
  const lines: JsonObject[] = []
  const watchers = new Set<(line: JsonObject) => void>()
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))

  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', text => {
      const line = text.startsWith('{') ? parseJsonObject(text) : { raw: text }
      lines.push(line)
      for (const watcher of watchers) watcher(line)
    })
  }

  const waitForLine: Output['waitForLine'] = async (matches, timeoutMs) => {
    const known = lines.find(matches)
    if (known) return known
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        watchers.delete(watcher)
        reject(new Error(`no such log line within ${timeoutMs} ms`))
      }, timeoutMs)
      const watcher = (line: JsonObject): void => {
        if (!matches(line)) return
        clearTimeout(timer)
        watchers.delete(watcher)
        resolve(line)
      }
      watchers.add(watcher)
    })
  }

  return { lines, stderr: () => stderr, waitForLine }
}
