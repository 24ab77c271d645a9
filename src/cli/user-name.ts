import { userInfo } from 'node:os'
import type { CliContext } from './context.ts'

/** ASCII only, so that no two users look alike in a log. */
const USER = /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}$/

/** Whose token is made, when nobody says; a uid of a container may have no name at all. */
export function userName(env: CliContext['env']): string {
  const names = [env['USER'], accountName()]
  return names.find(name => name !== undefined && USER.test(name)) ?? 'user'
}

/** What is wrong with a name given as `--user`. */
export function userProblem(name: string): string | undefined {
  if (USER.test(name)) return undefined
  return '--user must be 1 to 64 of A-Z a-z 0-9 . _ @ + - and begin with a letter or digit'
}

function accountName(): string | undefined {
  try {
    return userInfo().username
  } catch {
    // No entry in the passwd database (getpwuid_r(3)).
    return undefined
  }
}
