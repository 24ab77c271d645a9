import type { Price } from '../../kernel/price.ts'
import { ANTHROPIC_PRICES } from './anthropic.ts'
import { GOOGLE_PRICES } from './google.ts'
import { OPENAI_PRICES } from './openai.ts'

/** The lists of the providers, as far as we are sure of them. */
export const BUILT_IN_PRICES: readonly Price[] = [
  ...ANTHROPIC_PRICES,
  ...OPENAI_PRICES,
  ...GOOGLE_PRICES,
]
