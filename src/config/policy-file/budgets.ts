import type { Budget, BudgetOwner } from '../../kernel/budget.ts'
import type { Period } from '../../kernel/period.ts'
import { quote } from '../parsed.ts'
import { suggestion } from '../suggest.ts'
import { oneOf } from '../types/scalar.ts'
import { usd } from '../types/usd.ts'
import type { YamlNode } from '../yaml-node.ts'
import type { Groups } from './groups.ts'

const OWNERS = ['user', 'members_of', 'group'] as const
const FIELDS = [...OWNERS, 'usd', 'period'] as const
const PERIOD = oneOf<Period>('day', 'week', 'month')

interface Context {
  readonly groups: Groups
  /** Of a budget that names none. */
  readonly period: Period
}

/** `budgets:`, a sequence of `{user | members_of | group, usd, period}`. */
export function readBudgets(section: YamlNode | undefined, context: Context): Budget[] {
  const budgets: Budget[] = []
  const seen = new Set<string>()
  for (const node of section?.items('a sequence of budgets') ?? []) {
    const budget = readBudget(node, context)
    if (budget === undefined) continue
    const place = JSON.stringify([budget.owner, budget.period])
    // Several limits for one purse: `ai_budget.policy` chooses between people's, not between typos.
    if (seen.has(place))
      node.problem('a budget of this owner and period is there already: remove one')
    seen.add(place)
    budgets.push(budget)
  }
  return budgets
}

function readBudget(node: YamlNode, { groups, period }: Context): Budget | undefined {
  const fields = node.fields(FIELDS)
  const named = OWNERS.filter(owner => fields[owner] !== undefined)
  const [kind] = named
  if (kind === undefined || named.length > 1) {
    node.problem(`needs one of ${OWNERS.join(', ')}, and only one`)
  }
  if (fields.usd === undefined) node.problem('needs usd, the amount for one period')
  const owner = kind === undefined ? undefined : readOwner(kind, fields[kind], groups)
  const limit = fields.usd?.value(usd)
  const own = fields.period === undefined ? period : fields.period.value(PERIOD)
  if (owner === undefined || limit === undefined || own === undefined) return undefined
  return { owner, limit, period: own }
}

function readOwner(
  kind: (typeof OWNERS)[number],
  node: YamlNode | undefined,
  groups: Groups,
): BudgetOwner | undefined {
  const name = node?.name()
  if (node === undefined || name === undefined) return undefined
  if (kind === 'user') return name === '*' ? { kind: 'each' } : { kind: 'user', user: name }
  if (!groups.has(name)) {
    const fix = suggestion(name, groups.keys(), 'list its users under groups')
    node.problem(`there is no group ${quote(name)}: ${fix}`)
    return undefined
  }
  return { kind: kind === 'group' ? 'group' : 'members', group: name }
}
