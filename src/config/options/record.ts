import { defineGroup, row } from '../option.ts'
import { duration, LONGEST_MS } from '../types/duration.ts'
import { bool, integer, oneOf, size } from '../types/scalar.ts'
import { usd } from '../types/usd.ts'
import { BRIDGE_GROUP } from './bridge-group.ts'

export const RECORD = defineGroup(
  {
    ...BRIDGE_GROUP,
    name: 'Records',
    description: 'What is written down about calls, and for how long.',
  },
  {
    prompts: row({
      name: 'Record prompts',
      description: 'Whether the text of prompts is kept: `true`, `false` or `redacted`.',
      flag: 'record-prompts',
      type: oneOf('true', 'false', 'redacted'),
      default: 'true',
      restart: false,
      example: 'redacted',
    }),
    failOpen: row({
      name: 'Record failures let calls through',
      description:
        'Lets calls through while nothing can be recorded, and marks the gap. Otherwise they are answered with 503.',
      flag: 'record-fail-open',
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    retention: row({
      name: 'Retention',
      description: 'Records older than this are deleted; 0 keeps them forever.',
      flag: 'retention',
      type: duration({ minMs: 0, maxMs: LONGEST_MS }),
      default: 60 * 86_400_000,
      restart: false,
      example: '90d',
    }),
    structuredLogging: row({
      name: 'Structured logging',
      description: 'Writes a log line for each recorded event.',
      flag: 'structured-logging',
      yamlAliases: ['structuredLogging'],
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    maxBytes: row({
      name: 'Size of the records',
      description:
        'The oldest records are deleted when the database grows beyond this; 0 sets no bound.',
      flag: 'record-max-bytes',
      type: size({ min: 0, max: 2 ** 50 }),
      default: 0,
      restart: false,
      example: '10GiB',
    }),
    structuredLogChain: row({
      name: 'Chained structured log',
      description:
        'Each line of the structured log carries a hash over itself and the line before; `audit verify` checks them.',
      flag: 'structured-log-chain',
      type: bool,
      default: false,
      example: 'true',
    }),
    queueSize: row({
      name: 'Record queue',
      description: 'Records that may wait to be written.',
      flag: 'record-queue-size',
      type: integer({ min: 1, max: 10_000_000 }),
      default: 10_000,
      example: '50000',
    }),
    observeBytesPerCall: row({
      name: 'Observed bytes per call',
      description: 'How much of a body is looked at for tokens and prompts; the rest just passes.',
      flag: 'observe-bytes-per-call',
      type: size({ min: 1024, max: 2 ** 30 }),
      default: 32 * 2 ** 20,
      example: '8MiB',
    }),
    observeBytes: row({
      name: 'Observed bytes in all',
      description:
        'The same for all calls of the process together. No caller gets more of it than is left for the others, so one alone gets a half.',
      flag: 'observe-bytes',
      type: size({ min: 1024, max: 64 * 2 ** 30 }),
      default: 64 * 2 ** 20,
      example: '256MiB',
    }),
  },
)

export const BUDGET = defineGroup(
  {
    name: 'Budgets',
    description: 'How the budgets of the policy file are kept; see docs/budgets.md.',
    prefix: 'ai-budget',
    yaml: ['ai_budget'],
    json: ['ai', 'budget'],
  },
  {
    period: row({
      name: 'Budget period',
      description: 'The span, in UTC, of budgets that name none.',
      flag: 'period',
      type: oneOf('day', 'week', 'month'),
      default: 'month',
      restart: false,
      example: 'week',
    }),
    policy: row({
      name: 'Budget policy',
      description:
        'Which of several personal budgets of one period counts for somebody; one that names the user always does.',
      flag: 'policy',
      type: oneOf('highest', 'lowest'),
      default: 'highest',
      restart: false,
      example: 'lowest',
    }),
    reserve: row({
      name: 'Budget reserve',
      description:
        'What a call holds of its budgets until its cost is known, as long as the average of the answers before it is not more.',
      flag: 'reserve',
      type: usd,
      default: 10_000_000,
      restart: false,
      example: '0.05',
    }),
  },
)
