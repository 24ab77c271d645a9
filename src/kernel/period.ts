/** Calendar spans in UTC; a week begins on Monday (ISO 8601). */
export type Period = 'day' | 'week' | 'month'

export interface PeriodAt {
  /** One for all times of the span, and another for every other: `2026-11-22`, `2026-W47`, `2026-11`. */
  readonly key: string
  /** When the next one begins; milliseconds since the epoch. */
  readonly endsAt: number
}

const DAY_MS = 86_400_000

/** The span of this kind that `now` lies in. */
export function periodAt(period: Period, now: number): PeriodAt {
  const date = new Date(now)
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  const day = date.toISOString().slice(0, 10)
  if (period === 'month') return { key: day.slice(0, 7), endsAt: Date.UTC(year, month + 1) }
  const midnight = Date.UTC(year, month, date.getUTCDate())
  if (period === 'day') return { key: day, endsAt: midnight + DAY_MS }
  const monday = midnight - ((date.getUTCDay() + 6) % 7) * DAY_MS
  return { key: weekKey(monday), endsAt: monday + 7 * DAY_MS }
}

/** A week belongs to the year that its Thursday is in. */
function weekKey(monday: number): string {
  const thursday = new Date(monday + 3 * DAY_MS)
  const year = thursday.getUTCFullYear()
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0)) / (7 * DAY_MS))
  return `${year}-W${String(week).padStart(2, '0')}`
}
