import { ofNamedOwners, standings } from '../bridge/limits/standings.ts'
import type { AskStandings, BudgetStanding } from '../kernel/budget.ts'
import type { Clock } from '../kernel/clock.ts'
import type { Live } from '../kernel/live.ts'
import type { AskRecords } from '../kernel/records.ts'
import type { Snapshot } from './snapshot.ts'

/** How the purses of the policy stand, from the books that all daemons share. */
export function createStandings(live: Live<Snapshot>, ask: AskRecords, clock: Clock): AskStandings {
  return async user => {
    const { policy, budget } = live.current.settings
    if (policy.budgets.length === 0) return []
    const now = clock.now()
    const purses = await ask('budgets', { now })
    return standings({ policy, choice: budget.policy, now, user }, purses)
  }
}

/** Those that metrics may show. */
export async function namedStandings(
  live: Live<Snapshot>,
  ask: AskRecords,
  clock: Clock,
): Promise<readonly BudgetStanding[]> {
  const all = await createStandings(live, ask, clock)(null)
  return ofNamedOwners(all, live.current.settings.policy)
}
