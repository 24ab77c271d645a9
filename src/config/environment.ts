import { allOptions } from './options.ts'
import { isProviderVariable } from './providers/indexed.ts'
import { suggestion } from './suggest.ts'

const OURS = ['CODER_AIBRIDGE_', 'CODER_AI_GATEWAY_', 'CODER_AI_BUDGET_']

/**
 * Warnings about variables that look like ours but are not: most are typos,
 * but a newer Coder may know them, so they do not stop the start.
 */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = knownVariables()
  return Object.keys(env)
    .filter(name => OURS.some(prefix => name.startsWith(prefix)))
    .filter(name => !isProviderVariable(name) && !known.has(name))
    .sort()
    .map(name => `${name}: unknown variable: ${suggestion(name, known, 'it is ignored')}`)
}

function knownVariables(): ReadonlySet<string> {
  return new Set(
    allOptions().flatMap(option => {
      const names = [option.env, ...option.envAliases]
      return option.secret ? [...names, ...names.map(name => `${name}_FILE`)] : names
    }),
  )
}
