import { NANO, type NanoDollars } from '../kernel/money.ts'

/** Lines of cells, aligned: the first column to the left, the others where they are wanted. */
export function alignedTable(
  lines: readonly (readonly string[])[],
  others: 'left' | 'right' = 'right',
): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map(line => line[column]?.length ?? 0)),
  )
  const cell = (text: string, column: number): string => {
    const width = widths[column] ?? 0
    return column === 0 || others === 'left' ? text.padEnd(width) : text.padStart(width)
  }
  return lines.map(line => `${line.map(cell).join('  ').trimEnd()}\n`).join('')
}

/** C0, C1 and marks that steer a terminal; clients choose some of the names. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** A text of somebody else's for a terminal: what would steer it becomes `?`. */
export function printable(name: string): string {
  return name.replace(UNSAFE, '?')
}

/** Dollars to a hundredth of a cent; formats for machines have every digit. */
export function dollarCell(amount: NanoDollars): string {
  const digits = { minimumFractionDigits: 4, maximumFractionDigits: 4 }
  return (amount / NANO).toLocaleString('en-US', digits)
}
