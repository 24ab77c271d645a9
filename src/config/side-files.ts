import type { CallerPolicy } from '../kernel/budget.ts'
import type { Price } from '../kernel/price.ts'
import type { ProviderSettings } from '../kernel/provider.ts'
import type { ToolServer } from '../kernel/tool-server.ts'
import type { Values } from './options.ts'
import { quote } from './parsed.ts'
import { idleRules } from './policy-file/idle-rules.ts'
import { NO_POLICY, readPolicy } from './policy-file/read-policy.ts'
import { readPrices } from './prices-file/read-prices.ts'
import { type Files, unreadable } from './read-file.ts'
import { readToolServers } from './tool-servers.ts'

export function readPolicyFile(
  { bridge, budget, proxy, oidc }: Values,
  providers: readonly ProviderSettings[],
  files: Files,
): CallerPolicy {
  const { policyFile: path } = bridge
  const variable = 'CODER_AIBRIDGE_POLICY_FILE'
  return read({ path, variable, without: NO_POLICY }, files, text => {
    // SECURITY: taken for a file without rules, it would open what they deny.
    if (text === '') {
      files.report.problems.push(
        `${variable}: ${quote(path ?? '')} is empty, as files are while they are written: put {} in it to say nothing`,
      )
    }
    const { policy, problems } = readPolicy(text, {
      name: path ?? '',
      period: budget.period,
      providers: providers.map(({ name }) => name),
    })
    files.report.problems.push(...problems)
    const idle = idleRules(policy, {
      ports: proxy.allowedPorts,
      hosts: providers.flatMap(({ hosts }) => hosts),
      hasGroupsClaim: oidc.groupsClaim !== undefined,
    })
    files.report.warnings.push(...idle.map(warning => `${path} ${warning}`))
    return policy
  })
}

export function readPricesFile(
  { bridge: { pricesFile: path } }: Values,
  providers: readonly ProviderSettings[],
  files: Files,
): readonly Price[] {
  return read({ path, variable: 'CODER_AIBRIDGE_PRICES_FILE', without: [] }, files, text =>
    readPrices(text, { name: path ?? '', providers, report: files.report }),
  )
}

/** Read only where tools are injected: the switch is the operator's word for it. */
export function readToolServersFile(
  { bridge: { injectCoderMcpTools, mcpServersFile } }: Values,
  files: Files,
): readonly ToolServer[] {
  const path = injectCoderMcpTools ? mcpServersFile : undefined
  return read({ path, variable: 'CODER_AIBRIDGE_MCP_SERVERS_FILE', without: [] }, files, text =>
    readToolServers(text, { name: path ?? '', ...files }),
  )
}

interface Wanted<T> {
  readonly path: string | undefined
  readonly variable: string
  readonly without: T
}

function read<T>(
  { path, variable, without }: Wanted<T>,
  { readFile, report }: Files,
  parse: (text: string) => T,
): T {
  if (path === undefined) return without
  try {
    return parse(readFile(path))
  } catch (error) {
    report.problems.push(unreadable(variable, path, error))
    return without
  }
}
