import { LineCounter, parseDocument } from 'yaml'
import type { CallerPolicy } from '../../kernel/budget.ts'
import type { Period } from '../../kernel/period.ts'
import { readBudgets } from './budgets.ts'
import { readGroups } from './groups.ts'
import { PolicyNode } from './policy-node.ts'

export const NO_POLICY: CallerPolicy = { groups: new Map(), budgets: [] }

interface Options {
  /** What every problem begins with. */
  readonly name: string
  /** Of budgets that name none. */
  readonly period: Period
}

/** Reads the text of a policy file; any problem makes it one that must not be used. */
export function readPolicy(
  text: string,
  { name, period }: Options,
): { readonly policy: CallerPolicy; readonly problems: readonly string[] } {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const problems = document.errors.map(
    error => `${name}:${lines.linePos(error.pos[0]).line}: not YAML (${error.code})`,
  )
  if (problems.length > 0) return { policy: NO_POLICY, problems }

  const root = new PolicyNode(document.contents, '', { name, lines, problems })
  const sections = root.fields(['groups', 'budgets'])
  const groups = readGroups(sections.groups)
  return {
    policy: { groups, budgets: readBudgets(sections.budgets, { groups, period }) },
    problems,
  }
}
