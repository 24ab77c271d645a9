import type { BudgetStanding } from '../../kernel/budget.ts'
import { respondJson } from '../respond.ts'
import type { Asking } from './asking.ts'
import { iso } from './call-json.ts'

/**
 * The budgets that count now. SECURITY: of a purse that a group shares, its
 * members learn whether it is used up, and not what others spent.
 */
export async function listBudgets({ visibleUser, exchange }: Asking): Promise<void> {
  const { deps, response } = exchange
  const standings = (await deps.budgets?.(visibleUser)) ?? []
  respondJson(response, 200, {
    budgets: standings.map(standing => budgetJson(standing, visibleUser === null)),
  })
}

function budgetJson(standing: BudgetStanding, isAdmin: boolean): Readonly<Record<string, unknown>> {
  const { scope, kind, period, resetsAt, limit, spent, reserved, calls } = standing
  const [type = '', name] = scope.split(/:(.*)/s)
  const mayKnow = isAdmin || type === 'user'
  return {
    owner: { type, name },
    period: kind,
    period_key: period,
    resets_at: iso(resetsAt),
    limit_nano_usd: limit,
    spent_nano_usd: mayKnow ? spent : null,
    reserved_nano_usd: mayKnow ? reserved : null,
    calls: mayKnow ? calls : null,
    exhausted: spent >= limit,
  }
}
