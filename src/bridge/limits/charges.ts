import type { Budget, CallerPolicy, Charge } from '../../kernel/budget.ts'
import { periodAt } from '../../kernel/period.ts'

type Choice = 'highest' | 'lowest'

/**
 * The purses that a call of this user is paid from at this time, in the order
 * in which they are to be locked. For one period a user has one purse of their
 * own, whichever budget it comes from, and one of each group.
 */
export function chargesOf(
  user: string,
  { groups, budgets }: CallerPolicy,
  { choice, now }: { readonly choice: Choice; readonly now: number },
): Charge[] {
  const purses = new Map<string, { readonly scope: string; readonly budgets: Budget[] }>()
  for (const budget of budgets) {
    const scope = scopeOf(budget, user, groups)
    if (scope === undefined) continue
    const place = JSON.stringify([scope, budget.period])
    const purse = purses.get(place) ?? { scope, budgets: [] }
    purse.budgets.push(budget)
    purses.set(place, purse)
  }
  return [...purses.values()]
    .flatMap(({ scope, budgets: several }) => {
      const [budget] = several.toSorted((a, b) => rank(a, b, choice))
      return budget === undefined ? [] : [chargeOf(scope, budget, now)]
    })
    .toSorted((a, b) => compare(a.scope, b.scope) || compare(a.period, b.period))
}

function scopeOf(
  { owner }: Budget,
  user: string,
  groups: CallerPolicy['groups'],
): string | undefined {
  switch (owner.kind) {
    case 'user':
      return owner.user === user ? `user:${user}` : undefined
    case 'each':
      return `user:${user}`
    case 'members':
      return groups.get(owner.group)?.has(user) === true ? `user:${user}` : undefined
    case 'group':
      return groups.get(owner.group)?.has(user) === true ? `group:${owner.group}` : undefined
  }
}

/** The one that counts comes first: what names the user beats what does not. */
function rank(a: Budget, b: Budget, choice: Choice): number {
  const named = Number(b.owner.kind === 'user') - Number(a.owner.kind === 'user')
  return named || (choice === 'highest' ? b.limit - a.limit : a.limit - b.limit)
}

function chargeOf(scope: string, { period: kind, limit }: Budget, now: number): Charge {
  const { key, endsAt } = periodAt(kind, now)
  return { scope, kind, period: key, resetsAt: endsAt, limit }
}

/** By code units, as both databases compare. */
function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
