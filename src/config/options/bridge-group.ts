import type { Group } from '../option.ts'

export const BRIDGE_GROUP: Group = {
  name: 'Bridge',
  description: 'What handles intercepted calls: keys, limits, pass-through.',
  prefix: 'aibridge',
  aliasPrefix: 'ai-gateway',
  yaml: ['aibridge'],
  yamlAlias: ['ai_gateway'],
  json: ['ai', 'bridge'],
}
