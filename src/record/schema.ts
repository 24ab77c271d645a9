/** What other keys were tried for a call: a JSON array of objects. */
export const REFUSED_KEYS = `
  ALTER TABLE interceptions ADD COLUMN refused_keys TEXT NOT NULL DEFAULT '[]';
`

/**
 * Responses with which their providers go on by themselves, until somebody has
 * asked for the end: a row for each purse, with what was taken of it; one with
 * empty names where there is none.
 */
export const BACKGROUND = `
  CREATE TABLE background_responses (
    provider    TEXT    NOT NULL,
    response_id TEXT    NOT NULL,
    call_id     TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    period      TEXT    NOT NULL,
    guessed     INTEGER NOT NULL,
    begun_at    INTEGER NOT NULL,
    PRIMARY KEY (provider, response_id, scope, period)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX background_responses_begun ON background_responses (begun_at);
`

/** How many CONNECTs that came to nothing have no row of their own. */
export const FUTILE_CONNECTS = `
  ALTER TABLE connects ADD COLUMN left_out INTEGER NOT NULL DEFAULT 0;
`

/** Tools that are offered by us, and called by us. */
export const INJECTED_TOOLS = `
  ALTER TABLE tool_usages ADD COLUMN injected INTEGER NOT NULL DEFAULT 0 CHECK (injected IN (0, 1));
  ALTER TABLE tool_usages ADD COLUMN invocation_error TEXT;
`

/**
 * Schema 2, the books. `seq` is the order of arrival, by which pages are cut: a
 * clock that is set back changes no page. Details carry a `position` that their
 * process never uses twice, so that writing a batch again changes nothing. What
 * is unknown is NULL, never 0.
 */
export const BOOKS = `
  -- Calls change the file all the time; whoever watches the tokens looks here.
  INSERT INTO meta (key, value) VALUES ('tokens_version', '0');
  CREATE TRIGGER tokens_inserted AFTER INSERT ON tokens BEGIN
    UPDATE meta SET value = value + 1 WHERE key = 'tokens_version';
  END;
  CREATE TRIGGER tokens_updated AFTER UPDATE ON tokens BEGIN
    UPDATE meta SET value = value + 1 WHERE key = 'tokens_version';
  END;

  CREATE TABLE instances (
    id         TEXT    PRIMARY KEY,
    pid        INTEGER NOT NULL,
    started_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE interceptions (
    seq               INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    instance          TEXT    NOT NULL,
    connect_id        TEXT,
    user              TEXT    NOT NULL,
    token_id          TEXT    NOT NULL,
    provider          TEXT    NOT NULL,
    provider_type     TEXT    NOT NULL,
    host              TEXT    NOT NULL,
    method            TEXT    NOT NULL,
    path              TEXT    NOT NULL,
    kind              TEXT    NOT NULL CHECK (kind IN ('bridged', 'passthrough', 'websocket')),
    model             TEXT,
    streaming         INTEGER CHECK (streaming IN (0, 1)),
    client            TEXT    NOT NULL,
    user_agent        TEXT,
    client_session_id TEXT,
    session_id        TEXT    NOT NULL,
    correlating_tool_call_id TEXT,
    thread_parent_id  TEXT,
    thread_root_id    TEXT,
    firewall_session  TEXT,
    firewall_sequence TEXT,
    credential_kind   TEXT    NOT NULL,
    credential_hint   TEXT,
    status            TEXT    NOT NULL
      CHECK (status IN ('in_progress', 'completed', 'failed', 'aborted', 'interrupted')),
    reason            TEXT,
    error_type        TEXT,
    error_message     TEXT,
    http_status       INTEGER,
    usage_complete    INTEGER CHECK (usage_complete IN (0, 1)),
    usage_note        TEXT,
    bytes_up          INTEGER,
    bytes_down        INTEGER,
    first_byte_ms     INTEGER,
    duration_ms       INTEGER,
    records_lost      INTEGER NOT NULL DEFAULT 0,
    started_at        INTEGER NOT NULL,
    ended_at          INTEGER
  ) STRICT;
  CREATE INDEX interceptions_open ON interceptions (instance) WHERE status = 'in_progress';
  CREATE INDEX interceptions_session ON interceptions (session_id, user);
  CREATE INDEX interceptions_user ON interceptions (user);
  CREATE INDEX interceptions_model ON interceptions (model);
  CREATE INDEX interceptions_client ON interceptions (client);
  CREATE INDEX interceptions_started ON interceptions (started_at);
  CREATE INDEX interceptions_thread ON interceptions (thread_root_id)
    WHERE thread_root_id IS NOT NULL;
  CREATE INDEX interceptions_answers ON interceptions (correlating_tool_call_id)
    WHERE correlating_tool_call_id IS NOT NULL;

  CREATE TABLE token_usages (
    interception INTEGER NOT NULL REFERENCES interceptions (seq),
    position     INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    response_id  TEXT,
    model        TEXT,
    input        INTEGER,
    output       INTEGER,
    cache_read   INTEGER,
    cache_write  INTEGER,
    extra        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (interception, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE user_prompts (
    interception INTEGER NOT NULL REFERENCES interceptions (seq),
    position     INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    response_id  TEXT,
    prompt       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (interception, position)
  ) STRICT;

  CREATE TABLE tool_usages (
    interception INTEGER NOT NULL REFERENCES interceptions (seq),
    position     INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    response_id  TEXT,
    tool_call_id TEXT,
    tool         TEXT    NOT NULL,
    input        TEXT    NOT NULL,
    server_url   TEXT,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (interception, position)
  ) STRICT;
  CREATE INDEX tool_usages_call ON tool_usages (tool_call_id) WHERE tool_call_id IS NOT NULL;

  CREATE TABLE model_thoughts (
    interception INTEGER NOT NULL REFERENCES interceptions (seq),
    position     INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    response_id  TEXT,
    content      TEXT    NOT NULL,
    source       TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (interception, position)
  ) STRICT;

  CREATE TABLE connects (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL,
    instance    TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    peer        TEXT    NOT NULL,
    method      TEXT    NOT NULL,
    target      TEXT,
    user        TEXT,
    token_id    TEXT,
    outcome     TEXT    NOT NULL,
    reason      TEXT,
    status      INTEGER NOT NULL,
    provider    TEXT,
    route       TEXT,
    address     TEXT,
    bytes_up    INTEGER NOT NULL,
    bytes_down  INTEGER NOT NULL,
    calls       INTEGER,
    tls_failure TEXT,
    detail      TEXT,
    position    INTEGER NOT NULL,
    UNIQUE (instance, position)
  ) STRICT;
  CREATE INDEX connects_started ON connects (started_at);

  CREATE TABLE gaps (
    instance   TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    cause      TEXT    NOT NULL,
    calls      INTEGER NOT NULL,
    records    INTEGER NOT NULL,
    PRIMARY KEY (instance, position)
  ) STRICT;
`

/** Schema 4: how calls are paid for, and what each answer cost in nano-dollars. */
export const COSTS = `
  ALTER TABLE interceptions ADD COLUMN billing TEXT
    CHECK (billing IN ('metered', 'subscription'));
  ALTER TABLE token_usages ADD COLUMN cost_nano INTEGER CHECK (cost_nano >= 0);
`
