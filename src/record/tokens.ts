import { hash as digest, randomBytes, randomUUID } from 'node:crypto'
import type { Identity } from '../kernel/flow.ts'
import { Secret } from '../kernel/secret.ts'
import { TOKEN_PREFIX } from '../kernel/token.ts'
import { ask, change, put, type Work } from './work.ts'

const SECRET_BYTES = 32
const ID_BYTES = 6

export interface NewToken {
  readonly user: string
  /** What the owner calls it; empty when it has no name. */
  readonly name: string
  readonly admin: boolean
  readonly createdAt: number
  readonly expiresAt: number | undefined
}

export interface TokenRow extends NewToken {
  readonly id: string
  /** The last characters, by which an owner recognises a token. */
  readonly hint: string
  readonly revokedAt: number | undefined
}

/** A token as the store holds it in memory: who it stands for, and until when. */
export interface ActiveToken {
  readonly hash: string
  readonly identity: Identity
  readonly expiresAt: number | undefined
}

/**
 * SHA-256, in base64url. A slow password hash protects secrets that can be
 * guessed; 256 random bits cannot, and a slow hash on every CONNECT would be a
 * way to keep the daemon busy.
 */
export function hashToken(token: string): string {
  return digest('sha256', token, 'base64url')
}

/** A fresh token, for callers who need one that no database knows. */
export function generateToken(): Secret {
  return new Secret(TOKEN_PREFIX + randomBytes(SECRET_BYTES).toString('base64url'))
}

/** A token that was just made. */
export interface MadeToken {
  readonly id: string
  readonly token: Secret
}

/** Stores a new token. The secret is in the answer and nowhere else. */
export function* createToken(wanted: NewToken): Work<MadeToken> {
  const token = generateToken()
  const id = randomBytes(ID_BYTES).toString('hex')
  yield put(
    `INSERT INTO tokens (id, hash, "user", name, admin, hint, created_at, expires_at)
     VALUES (:id, :hash, :user, :name, :admin, :hint, :created_at, :expires_at)`,
    {
      id,
      hash: hashToken(token.reveal()),
      user: wanted.user,
      name: wanted.name,
      admin: wanted.admin ? 1 : 0,
      hint: token.reveal().slice(-4),
      created_at: wanted.createdAt,
      expires_at: wanted.expiresAt ?? null,
    },
  )
  return { id, token }
}

/** The same where there is no token yet; inside a transaction that nobody else has. */
export function* createFirstToken(wanted: NewToken): Work<MadeToken | undefined> {
  const { rows } = yield ask('SELECT 1 AS one FROM tokens LIMIT 1')
  return rows.length === 0 ? yield* createToken(wanted) : undefined
}

/** Every token there ever was, oldest first. */
export function* listTokens(): Work<TokenRow[]> {
  const { rows } = yield ask('SELECT * FROM tokens ORDER BY created_at, rowid')
  return rows.map(row => ({
    id: String(row['id']),
    user: String(row['user']),
    name: String(row['name']),
    admin: row['admin'] === 1,
    hint: String(row['hint']),
    createdAt: Number(row['created_at']),
    expiresAt: optionalNumber(row['expires_at']),
    revokedAt: optionalNumber(row['revoked_at']),
  }))
}

/** False when there is no such token. Revoking twice keeps the first time. */
export function* revokeToken(id: string, now: number): Work<boolean> {
  const revoked = yield change(
    'UPDATE tokens SET revoked_at = coalesce(revoked_at, :now) WHERE id = :id',
    { id, now },
  )
  return revoked.changes === 1
}

/** Those that are neither revoked nor expired at `now`. */
export function* activeTokens(now: number): Work<ActiveToken[]> {
  const { rows } = yield ask(
    `SELECT id, hash, "user", admin, expires_at FROM tokens
     WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now)`,
    { now },
  )
  return rows.map(row => ({
    hash: String(row['hash']),
    identity: {
      user: String(row['user']),
      tokenId: String(row['id']),
      admin: row['admin'] === 1,
    },
    expiresAt: optionalNumber(row['expires_at']),
  }))
}

/** Changes whenever a token is made or revoked. */
export function* tokensVersion(): Work<string> {
  const { rows } = yield ask("SELECT value FROM meta WHERE key = 'tokens_version'")
  return String(rows[0]?.['value'])
}

/** A random UUID that stays the same for as long as the database lives. */
export function* deploymentId(): Work<string> {
  yield put("INSERT INTO meta (key, value) VALUES ('deployment_id', :id) ON CONFLICT DO NOTHING", {
    id: randomUUID(),
  })
  const { rows } = yield ask("SELECT value FROM meta WHERE key = 'deployment_id'")
  return String(rows[0]?.['value'])
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
