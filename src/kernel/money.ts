/** Whole billionths of a US dollar: sums of them are exact, up to nine million dollars. */
export type NanoDollars = number

/** Of them are a dollar. */
export const NANO = 1_000_000_000

/** The billionths of more would not be whole numbers of JavaScript. */
export const MOST_DOLLARS = 9_000_000

/** Dollars as they are written, exact to the billionth; `undefined` for anything else. */
export function parseDollars(text: string): NanoDollars | undefined {
  const [, whole = '', fraction = ''] = /^(\d{1,7})(?:\.(\d{1,9}))?$/.exec(text) ?? []
  const value = Number(whole) * NANO + Number(fraction.padEnd(9, '0'))
  return whole !== '' && value <= MOST_DOLLARS * NANO ? value : undefined
}

/** An amount as `parseDollars` takes it, without zeros at its end. */
export function formatDollars(amount: NanoDollars): string {
  const fraction = String(amount % NANO)
    .padStart(9, '0')
    .replace(/0+$/, '')
  const whole = String(Math.floor(amount / NANO))
  return fraction === '' ? whole : `${whole}.${fraction}`
}
