/** What takes the place of a client's model where the operator names none. */
export const BEDROCK_MODEL = 'global.anthropic.claude-sonnet-4-5-20250929-v1:0'
export const BEDROCK_SMALL_FAST_MODEL = 'global.anthropic.claude-haiku-4-5-20251001-v1:0'
