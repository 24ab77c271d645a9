import { Refusal } from '../kernel/error.ts'
import { isUserName } from '../kernel/user.ts'

/**
 * What a deployment's answer to `GET /api/v2/users/me` says of a token: the
 * user's name, or undefined for a token that it does not take.
 * @throws Refusal `auth_unavailable` for an answer that says neither
 */
export function readUser(status: number, body: string): string | undefined {
  if (status === 401 || status === 403) return undefined
  if (status !== 200) throw unclear(`status ${status}`)
  const user = parse(body)
  if (user === undefined) throw unclear('no user in it')
  return user.status === 'suspended' ? undefined : user.username
}

function parse(body: string): { readonly username: string; readonly status: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(body)
    if (typeof value !== 'object' || value === null || !('username' in value)) return undefined
    const { username } = value
    const status = 'status' in value ? value.status : undefined
    return typeof username === 'string' && isUserName(username, 128)
      ? { username, status }
      : undefined
  } catch {
    return undefined
  }
}

function unclear(what: string): Refusal {
  return new Refusal('auth_unavailable', `the deployment's answer to users/me: ${what}`)
}
