import type { Gauge } from 'prom-client'
import type { BudgetStanding } from '../kernel/budget.ts'
import { NANO } from '../kernel/money.ts'

/** Anew at every scrape: a reload may have taken a budget away. */
export function setBudgetGauges(
  gauges: ReadonlyMap<string, Gauge>,
  standings: Iterable<BudgetStanding>,
): void {
  const budgetLimit = gauges.get('budgetLimit')
  const budgetSpent = gauges.get('budgetSpent')
  budgetLimit?.reset()
  budgetSpent?.reset()
  for (const { scope: owner, kind: period, limit, spent } of standings) {
    budgetLimit?.set({ owner, period }, limit / NANO)
    budgetSpent?.set({ owner, period }, spent / NANO)
  }
}
