/** Characters of text that one answer may hold on to: tool arguments and thoughts. */
const MAX_CHARS = 8 * 1024 * 1024

/** Tool calls, thoughts and open blocks of one answer. */
export const MAX_ITEMS = 4096

/**
 * Bounds what one answer can make us remember. Text beyond it is cut off.
 * Gives back how much of each addition may be kept.
 */
export function createTextBudget(): (addition: string) => string {
  let left = MAX_CHARS
  return addition => {
    const kept = addition.length <= left ? addition : addition.slice(0, left)
    left -= kept.length
    return kept
  }
}
