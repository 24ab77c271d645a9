import { parseArgs } from 'node:util'
import { duration, LONGEST_MS } from '../config/types/duration.ts'
import type { Clock } from '../kernel/clock.ts'
import { systemClock } from '../kernel/clock.ts'
import { ConfigurationError, describeError } from '../kernel/error.ts'
import { withoutTokens } from '../kernel/token.ts'
import { type RecordPlace, requireRecords, withTokens } from '../record/token-book.ts'
import type { NewToken } from '../record/tokens.ts'
import { createToken, listTokens, revokeToken } from '../record/tokens.ts'
import type { Output } from './context.ts'
import { formatTokens, tokensToJson } from './token-list.ts'
import { userProblem } from './user-name.ts'

export const TOKEN_USAGE = `Usage:
  aibridgeproxyd token create --user NAME [--name LABEL] [--expires 30d] [--admin]
  aibridgeproxyd token list [--json]
  aibridgeproxyd token revoke ID`

const LIFETIME = duration({ minMs: 60_000, maxMs: LONGEST_MS })
const LABEL = /^[^\p{C}\p{Zl}\p{Zp}]{1,64}$/u

export interface TokenOptions extends RecordPlace {
  readonly clock?: Clock
}

/**
 * `token create|list|revoke`. Works on the database itself, so a running daemon
 * is not needed and sees the change at once.
 * @returns the exit code: 0 done, 1 there is no such token.
 */
export async function runToken(
  args: readonly string[],
  io: Output,
  options: TokenOptions,
): Promise<number> {
  const [command, ...rest] = args
  const action = command === undefined ? undefined : COMMANDS.get(command)
  if (action === undefined) {
    const given =
      command === undefined ? 'token needs a command' : `unknown command: token ${command}`
    throw new ConfigurationError([`${given}\n${TOKEN_USAGE}`])
  }
  return await action(rest, { io, clock: systemClock, ...options })
}

interface Context extends TokenOptions {
  readonly io: Output
  readonly clock: Clock
}

type Command = (args: readonly string[], context: Context) => Promise<number>

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['create', create],
  ['list', list],
  ['revoke', revoke],
])

async function create(args: readonly string[], context: Context): Promise<number> {
  const now = context.clock.now()
  const wanted = parseCreate(args, now)
  const { id, token } = await withTokens(context, () => createToken(wanted))

  const until =
    wanted.expiresAt === undefined ? 'never expires' : `expires ${iso(wanted.expiresAt)}`
  context.io.stderr.write(`token ${id} of ${wanted.user}, ${until}; it is shown only this once\n`)
  context.io.stdout.write(`${token.reveal()}\n`)
  return 0
}

function parseCreate(args: readonly string[], now: number): NewToken {
  const { values, positionals } = parse(args, {
    user: { type: 'string' },
    name: { type: 'string' },
    expires: { type: 'string' },
    admin: { type: 'boolean' },
  })
  const user = textOf(values['user'])
  const name = textOf(values['name'])
  const expires = textOf(values['expires'])
  const lifetime = expires === undefined ? undefined : LIFETIME.parse(expires)

  const problems = positionals.map(word => `unexpected argument: ${word}`)
  const problem = user === undefined ? '--user is missing: whose token is it?' : userProblem(user)
  if (problem !== undefined) problems.push(problem)
  if (name !== undefined && !LABEL.test(name)) {
    problems.push('--name must be 1 to 64 printable characters')
  }
  if (lifetime?.ok === false) problems.push(`--expires: ${lifetime.problem}`)
  if (problems.length > 0) throw new ConfigurationError(problems)

  return {
    user: user ?? '',
    name: name ?? '',
    admin: values['admin'] === true,
    createdAt: now,
    expiresAt: lifetime?.ok ? now + lifetime.value : undefined,
  }
}

async function list(args: readonly string[], context: Context): Promise<number> {
  const { values, positionals } = parse(args, { json: { type: 'boolean' } })
  if (positionals.length > 0) {
    throw new ConfigurationError(positionals.map(word => `unexpected argument: ${word}`))
  }
  requireRecords(context)
  const tokens = await withTokens(context, listTokens)
  const format = values['json'] === true ? tokensToJson : formatTokens
  context.io.stdout.write(format(tokens, context.clock.now()))
  return 0
}

async function revoke(args: readonly string[], context: Context): Promise<number> {
  const { positionals } = parse(args, {})
  const [id, ...others] = positionals
  if (id === undefined || others.length > 0) {
    throw new ConfigurationError([`token revoke takes one token id\n${TOKEN_USAGE}`])
  }
  requireRecords(context)
  const now = context.clock.now()
  const known = await withTokens(context, () => revokeToken(id, now))
  const text = known
    ? `token ${id} is revoked`
    : `no token has the id ${withoutTokens(id)}: see token list`
  context.io.stderr.write(`${text}\n`)
  return known ? 0 : 1
}

type Flags = NonNullable<Parameters<typeof parseArgs>[0]>['options']

function parse(
  args: readonly string[],
  options: NonNullable<Flags>,
): { readonly values: Record<string, unknown>; readonly positionals: readonly string[] } {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new ConfigurationError([`${describeError(error)}\n${TOKEN_USAGE}`])
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
