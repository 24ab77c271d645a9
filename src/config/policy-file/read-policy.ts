import type { CallerPolicy } from '../../kernel/budget.ts'
import type { Period } from '../../kernel/period.ts'
import { openYaml } from '../yaml-node.ts'
import { readBudgets } from './budgets.ts'
import { readGroups } from './groups.ts'
import { readRules } from './rules.ts'

export const NO_POLICY: CallerPolicy = { groups: new Map(), budgets: [], rules: [] }

interface Options {
  /** What every problem begins with. */
  readonly name: string
  /** Of budgets that name none. */
  readonly period: Period
  /** Names of the configured providers. */
  readonly providers: readonly string[]
}

/** Reads the text of a policy file; any problem makes it one that must not be used. */
export function readPolicy(
  text: string,
  { name, period, providers }: Options,
): { readonly policy: CallerPolicy; readonly problems: readonly string[] } {
  const problems: string[] = []
  const root = openYaml(text, { name, problems })
  if (root === undefined) return { policy: NO_POLICY, problems }
  const sections = root.fields(['groups', 'budgets', 'rules'])
  const groups = readGroups(sections.groups)
  return {
    policy: {
      groups,
      budgets: readBudgets(sections.budgets, { groups, period }),
      rules: readRules(sections.rules, { groups, providers }),
    },
    problems,
  }
}
