import type { BudgetStanding, CallerPolicy, Charge } from '../../kernel/budget.ts'
import type { RecordQueries } from '../../kernel/records.ts'
import { chargesOf } from './charges.ts'

interface Asked {
  readonly policy: CallerPolicy
  readonly choice: 'highest' | 'lowest'
  readonly now: number
  /** Whose purses; null for everybody's. */
  readonly user: string | null
}

/**
 * The purses that the policy fills now, with what the books have of them. Of
 * everybody's there are those of users whom the policy names or who have spent.
 */
export function standings(
  { policy, user, ...options }: Asked,
  purses: RecordQueries['budgets']['answer'],
): BudgetStanding[] {
  const users = user === null ? [...usersOf(policy, purses)] : [user]
  const charges = new Map<string, Charge>()
  for (const charge of users.flatMap(name => chargesOf(name, policy, options))) {
    charges.set(placeOf(charge), charge)
  }
  const known = new Map(purses.map(purse => [placeOf(purse), purse]))
  return [...charges].map(([place, charge]) => {
    const { spent = 0, reserved = 0, calls = 0 } = known.get(place) ?? {}
    return { ...charge, spent, reserved, calls }
  })
}

/** Those of owners that the policy names: what may be a metric's label. */
export function ofNamedOwners(
  all: readonly BudgetStanding[],
  { budgets }: CallerPolicy,
): readonly BudgetStanding[] {
  const names = new Set(
    budgets.flatMap(({ owner }) => {
      if (owner.kind === 'user') return [`user:${owner.user}`]
      return owner.kind === 'group' ? [`group:${owner.group}`] : []
    }),
  )
  return all.filter(({ scope }) => names.has(scope))
}

function usersOf(
  { groups, budgets }: CallerPolicy,
  purses: RecordQueries['budgets']['answer'],
): Iterable<string> {
  const named = budgets.flatMap(({ owner }) => (owner.kind === 'user' ? [owner.user] : []))
  const members = [...groups.values()].flatMap(users => [...users])
  const spent = purses.flatMap(({ scope }) =>
    scope.startsWith('user:') ? [scope.slice('user:'.length)] : [],
  )
  return new Set([...named, ...members, ...spent])
}

function placeOf({ scope, period }: Pick<Charge, 'scope' | 'period'>): string {
  return JSON.stringify([scope, period])
}
