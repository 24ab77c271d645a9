import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { routesReference } from '../admin/routes-reference.ts'
import { errorsReference } from '../bridge/errors-reference.ts'
import { providersReference } from '../bridge/providers/reference.ts'
import { exampleEnv, exampleYaml } from '../config/output/examples.ts'
import { configReference } from '../config/output/reference.ts'
import { ConfigurationError } from '../kernel/error.ts'
import { grafanaDashboard } from '../observe/grafana-dashboard.ts'
import { metricsReference } from '../observe/metrics-reference.ts'
import { reasonsReference } from '../observe/reasons-reference.ts'
import { logReference } from '../record/log-reference.ts'
import { logSchemaJson } from '../record/log-schema.ts'
import { commandsReference } from './commands-reference.ts'
import type { CliContext, Command } from './context.ts'

export const DOCS_USAGE = `Usage: aibridgeproxyd docs [--check]

Writes the documents that are made of the tables, in a checkout. --check writes
nothing and fails when one is not current.`

const ROOT = join(import.meta.dirname, '../..')

/** Every generated document and the table that it is made of. */
const DOCUMENTS: Readonly<
  Record<string, (commands: readonly Command[]) => string | Promise<string>>
> = {
  'docs/reference/commands.md': commandsReference,
  'docs/reference/config.md': configReference,
  'docs/reference/errors.md': errorsReference,
  'docs/reference/metrics.md': metricsReference,
  'docs/reference/providers.md': providersReference,
  'docs/reference/reasons.md': reasonsReference,
  'docs/reference/routes.md': routesReference,
  'docs/reference/structured-log.md': logReference,
  'docs/schema/structured-log.schema.json': logSchemaJson,
  'deploy/config.example.yaml': exampleYaml,
  'deploy/env.example': exampleEnv,
  'deploy/grafana/dashboard.json': grafanaDashboard,
}

/** `docs`: 0 when all is current, 1 when `--check` found something stale. */
export async function runDocs(context: CliContext, commands: readonly Command[]): Promise<number> {
  const isCheck = context.args.includes('--check')
  const others = context.args.filter(word => word !== '--check')
  if (others.length > 0)
    throw new ConfigurationError([`unexpected argument: ${others[0]}\n${DOCS_USAGE}`])
  const stale: string[] = []
  for (const [path, render] of Object.entries(DOCUMENTS)) {
    const file = join(ROOT, path)
    const text = await render(commands)
    if (text === read(file)) continue
    stale.push(path)
    if (isCheck) continue
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  for (const path of stale) context.stdout.write(`${isCheck ? 'stale' : 'written'}: ${path}\n`)
  return isCheck && stale.length > 0 ? 1 : 0
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
