import { defineGroup, row } from '../option.ts'
import { bool, integer } from '../types/scalar.ts'

/** Coder's own chat agents; nothing in a proxy or a bridge reads these. */
export const CHAT = defineGroup(
  {
    name: 'Chat',
    description: "Options of Coder's chat agents, accepted so that its environment files load.",
    prefix: 'chat',
    yaml: ['chat'],
    json: ['ai', 'chat'],
  },
  {
    acquireBatchSize: row({
      name: 'Chat batch size',
      description: 'Ignored: this daemon has no chat agents.',
      flag: 'acquire-batch-size',
      yamlAliases: ['acquireBatchSize'],
      type: integer({ min: 0, max: 1_000_000 }),
      default: 10,
      hidden: true,
      effect: 'ignored',
      example: '20',
    }),
    debugLoggingEnabled: row({
      name: 'Chat debug log',
      description: 'Ignored: this daemon has no chat agents.',
      flag: 'debug-logging-enabled',
      yamlAliases: ['debugLoggingEnabled'],
      type: bool,
      default: false,
      hidden: true,
      effect: 'ignored',
      example: 'true',
    }),
  },
)
