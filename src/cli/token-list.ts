import type { TokenRow } from '../record/tokens.ts'
import { alignedTable } from './table.ts'

const HEADINGS = ['ID', 'USER', 'NAME', 'ADMIN', 'ENDS IN', 'CREATED', 'EXPIRES', 'STATUS']

/** The table of `token list`, one line per token. */
export function formatTokens(tokens: readonly TokenRow[], now: number): string {
  const rows = tokens.map(token => [
    token.id,
    token.user,
    token.name === '' ? '-' : token.name,
    token.admin ? 'yes' : 'no',
    token.hint,
    day(token.createdAt),
    token.expiresAt === undefined ? 'never' : day(token.expiresAt),
    statusOf(token, now),
  ])
  return alignedTable([HEADINGS, ...rows], 'left')
}

/** `token list --json`: an array, times in RFC 3339, null where there is none. */
export function tokensToJson(tokens: readonly TokenRow[], now: number): string {
  const rows = tokens.map(token => ({
    id: token.id,
    user: token.user,
    name: token.name,
    admin: token.admin,
    hint: token.hint,
    status: statusOf(token, now),
    created_at: new Date(token.createdAt),
    expires_at: dateOrNull(token.expiresAt),
    revoked_at: dateOrNull(token.revokedAt),
  }))
  return `${JSON.stringify(rows, undefined, 2)}\n`
}

function statusOf(token: TokenRow, now: number): 'active' | 'expired' | 'revoked' {
  if (token.revokedAt !== undefined) return 'revoked'
  return token.expiresAt !== undefined && token.expiresAt <= now ? 'expired' : 'active'
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}

function dateOrNull(time: number | undefined): Date | null {
  return time === undefined ? null : new Date(time)
}
