import { isDeepStrictEqual } from 'node:util'
import { Secret } from '../kernel/secret.ts'

/** Whether two values of an option are the same; `isDeepStrictEqual` alone takes all secrets for one. */
export function sameValue(one: unknown, other: unknown): boolean {
  if (one instanceof Secret && other instanceof Secret) return one.equals(other)
  if (!isPlain(one) || !isPlain(other)) return isDeepStrictEqual(one, other)
  const [entries, others] = [Object.entries(one), Object.keys(other)]
  return (
    entries.length === others.length &&
    entries.every(([key, value]) => Object.hasOwn(other, key) && sameValue(value, other[key]))
  )
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}
