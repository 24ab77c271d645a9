import type { ProviderType } from '../../kernel/provider.ts'
import { anthropic } from './anthropic.ts'
import { copilot } from './copilot.ts'
import { openai } from './openai.ts'
import { openaiCompat } from './openai-compat.ts'

/** Every type of provider that the bridge can carry: one line each. */
export const PROVIDER_TYPES: readonly ProviderType[] = [anthropic, openai, copilot, openaiCompat]
