import type { ProviderType } from '../../kernel/provider.ts'
import { anthropic } from './anthropic.ts'
import { azure } from './azure.ts'
import { bedrock } from './bedrock.ts'
import { chatgpt } from './chatgpt.ts'
import { copilot } from './copilot.ts'
import { google } from './google.ts'
import { openai } from './openai.ts'
import { openaiCompat } from './openai-compat.ts'
import { openrouter } from './openrouter.ts'
import { vercel } from './vercel.ts'

/** Every type of provider that the bridge can carry: one line each. */
export const PROVIDER_TYPES: readonly ProviderType[] = [
  anthropic,
  openai,
  copilot,
  chatgpt,
  google,
  azure,
  bedrock,
  openrouter,
  vercel,
  openaiCompat,
]
