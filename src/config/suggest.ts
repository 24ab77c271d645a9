/** The candidate that was probably meant, if one is close enough. */
function closest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 5)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `: did you mean …?`, or `fallback`. */
export function suggestion(word: string, candidates: Iterable<string>, fallback: string): string {
  // Nothing real is that long, and the distance costs the square of the length.
  const found = word.length > 100 ? undefined : closest(word, candidates)
  return found === undefined ? fallback : `did you mean ${found}?`
}

/** Levenshtein distance, row by row. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let line = 1; line <= from.length; line += 1) {
    const current = [line]
    for (let column = 1; column <= to.length; column += 1) {
      const replace = from[line - 1] === to[column - 1] ? 0 : 1
      current.push(
        Math.min(
          (previous[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (previous[column - 1] ?? 0) + replace,
        ),
      )
    }
    previous = current
  }
  return previous[to.length] ?? 0
}
