/** What a purse has paid for, since many answers may be one call. */
export const ANSWERS = `
  ALTER TABLE budget_purses ADD COLUMN answers INTEGER NOT NULL DEFAULT 0;
  UPDATE budget_purses SET answers = calls;
`

/**
 * Budgets and rate limits. Money is in nano-dollars. A purse is what one owner
 * may spend in one period; a reservation is what an open call holds of it, and
 * goes with the call; its position is that of the last answer it paid. `next_at` is in microseconds.
 */
export const LIMITS = `
  CREATE TABLE budget_purses (
    scope    TEXT    NOT NULL,
    period   TEXT    NOT NULL,
    spent    INTEGER NOT NULL,
    reserved INTEGER NOT NULL,
    calls    INTEGER NOT NULL,
    ends_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, period)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE budget_reservations (
    call_id  TEXT    NOT NULL,
    scope    TEXT    NOT NULL,
    period   TEXT    NOT NULL,
    instance TEXT    NOT NULL,
    ceiling  INTEGER NOT NULL,
    amount   INTEGER NOT NULL,
    guessed  INTEGER NOT NULL DEFAULT 0,
    answers  INTEGER NOT NULL DEFAULT 0,
    position INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (call_id, scope, period)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX budget_reservations_instance ON budget_reservations (instance);

  CREATE TABLE rate_limits (
    caller  TEXT    PRIMARY KEY,
    next_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`
