import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { ConfigurationError } from '../kernel/error.ts'
import { verifyChain } from '../record/verify-chain.ts'
import type { CliContext } from './context.ts'

export const AUDIT_USAGE = `Usage: aibridgeproxyd audit verify FILE...

Checks the hash chain of a structured log: says what was changed, taken out,
moved or put in. Files that belong together are named in their order, the oldest
first; - is standard input.`

type AuditIo = Pick<CliContext, 'stdin' | 'stdout' | 'stderr'>

/**
 * `audit verify`.
 * @returns the exit code: 0 the chain is whole, 1 it is not.
 * @throws ConfigurationError for wrong usage
 */
export async function runAudit(args: readonly string[], io: AuditIo): Promise<number> {
  const [command, ...files] = args
  if (command !== 'verify') {
    const given =
      command === undefined ? 'audit needs a command' : `unknown command: audit ${command}`
    throw new ConfigurationError([`${given}\n${AUDIT_USAGE}`])
  }
  if (files.length === 0)
    throw new ConfigurationError([`audit verify needs a file\n${AUDIT_USAGE}`])
  return await verify(files, io)
}

async function verify(files: readonly string[], io: AuditIo): Promise<number> {
  const { lines, chains, problems, begunElsewhere } = await verifyChain(linesOf(files, io.stdin))
  for (const problem of problems) io.stderr.write(`${problem}\n`)
  if (begunElsewhere > 0) {
    io.stderr.write(`${begunElsewhere} of the chains began before these lines\n`)
  }
  if (lines === 0) {
    io.stderr.write(
      'no line belongs to a chain: the daemon writes one where CODER_AIBRIDGE_STRUCTURED_LOG_CHAIN=true\n',
    )
    return 1
  }
  const verdict = problems.length === 0 ? 'whole' : 'broken'
  io.stdout.write(`${lines} lines in ${chains} ${chains === 1 ? 'chain' : 'chains'}: ${verdict}\n`)
  return problems.length === 0 ? 0 : 1
}

async function* linesOf(files: readonly string[], stdin: AuditIo['stdin']): AsyncGenerator<string> {
  for (const file of files) {
    const input = file === '-' ? stdin : createReadStream(file)
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  }
}
