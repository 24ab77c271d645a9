/** The further counters of a token record, as they are stored: a JSON object. */
export function parseExtra(text: unknown): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(String(text))
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

/** Sums numeric leaves; nested keys are joined with dots. */
export function mergeExtra(
  all: readonly Readonly<Record<string, unknown>>[],
): Record<string, number> {
  const sums = new Map<string, number>()
  const add = (prefix: string, value: unknown): void => {
    if (typeof value === 'number') sums.set(prefix, (sums.get(prefix) ?? 0) + value)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, inner] of Object.entries(value)) {
        add(prefix === '' ? key : `${prefix}.${key}`, inner)
      }
    }
  }
  for (const extra of all) add('', extra)
  return Object.fromEntries(sums)
}
