/** The sum of what answers `t` cost: exact, and beyond nine million dollars at least a number. */
export const COST = 'CAST(sum(t.cost_nano) AS DOUBLE PRECISION)'

/**
 * Whether answer `t` of call `i` costs nobody knows how much. No plan pays for
 * those from before prices were kept, as far as is known.
 */
export const IS_UNPRICED = `t.cost_nano IS NULL AND i.billing IS DISTINCT FROM 'subscription'`
