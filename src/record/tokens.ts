import { hash as digest, randomBytes } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Identity } from '../kernel/flow.ts'
import { Secret } from '../kernel/secret.ts'
import { TOKEN_PREFIX } from '../kernel/token.ts'

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

/** The same where there is no token yet; several processes may try at once. */
export function createFirstToken(
  database: DatabaseSync,
  wanted: NewToken,
): { readonly id: string; readonly token: Secret } | undefined {
  database.exec('BEGIN IMMEDIATE')
  try {
    const isFirst = database.prepare('SELECT 1 FROM tokens LIMIT 1').get() === undefined
    const made = isFirst ? createToken(database, wanted) : undefined
    database.exec('COMMIT')
    return made
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

/** Stores a new token. The secret is in the answer and nowhere else. */
export function createToken(
  database: DatabaseSync,
  wanted: NewToken,
): { readonly id: string; readonly token: Secret } {
  const token = generateToken()
  const id = randomBytes(ID_BYTES).toString('hex')
  database
    .prepare(
      `INSERT INTO tokens (id, hash, user, name, admin, hint, created_at, expires_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      id,
      hashToken(token.reveal()),
      wanted.user,
      wanted.name,
      wanted.admin ? 1 : 0,
      token.reveal().slice(-4),
      wanted.createdAt,
      wanted.expiresAt ?? null,
    )
  return { id, token }
}

/** Every token there ever was, oldest first. */
export function listTokens(database: DatabaseSync): TokenRow[] {
  const rows = database.prepare('SELECT * FROM tokens ORDER BY created_at, rowid').all()
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
export function revokeToken(database: DatabaseSync, id: string, now: number): boolean {
  const { changes } = database
    .prepare('UPDATE tokens SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?')
    .run(now, id)
  return changes === 1
}

/** Those that are neither revoked nor expired at `now`. */
export function activeTokens(database: DatabaseSync, now: number): ActiveToken[] {
  const rows = database
    .prepare(
      `SELECT id, hash, user, admin, expires_at FROM tokens
       WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)`,
    )
    .all(now)
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
export function tokensVersion(database: DatabaseSync): string {
  const row = database.prepare("SELECT value FROM meta WHERE key = 'tokens_version'").get()
  return String(row?.['value'])
}

function optionalNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
