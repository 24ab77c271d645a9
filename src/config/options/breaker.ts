import { defineGroup, row } from '../option.ts'
import { duration, LONGEST_TIMER_MS } from '../types/duration.ts'
import { serverErrors } from '../types/list.ts'
import { bool, integer } from '../types/scalar.ts'
import { BRIDGE_GROUP } from './bridge-group.ts'

const COUNT = integer({ min: 1, max: 2 ** 32 - 1 })
const SPAN = duration({ minMs: 1, maxMs: LONGEST_TIMER_MS })

export const BREAKER = defineGroup(
  {
    ...BRIDGE_GROUP,
    name: 'Circuit breaker',
    description: 'Answers 503 at once while a provider keeps failing on a listed path.',
  },
  {
    enabled: row({
      name: 'Circuit breaker enabled',
      description:
        'Refuse calls to a provider that keeps failing: of one caller where only that one meets the failures, else of all. 429 and bad requests never count.',
      flag: 'circuit-breaker-enabled',
      yamlAliases: ['circuitBreakerEnabled'],
      type: bool,
      default: false,
      restart: false,
      example: 'true',
    }),
    failureThreshold: row({
      name: 'Failure threshold',
      description: 'Failures in a row that open the circuit.',
      flag: 'circuit-breaker-failure-threshold',
      yamlAliases: ['circuitBreakerFailureThreshold'],
      type: COUNT,
      default: 5,
      restart: false,
      example: '10',
    }),
    interval: row({
      name: 'Counting interval',
      description: 'How often the count of failures starts again while the circuit is closed.',
      flag: 'circuit-breaker-interval',
      yamlAliases: ['circuitBreakerInterval'],
      type: SPAN,
      default: 10_000,
      restart: false,
      example: '30s',
    }),
    timeout: row({
      name: 'Open time',
      description: 'How long the circuit stays open before probes are let through.',
      flag: 'circuit-breaker-timeout',
      yamlAliases: ['circuitBreakerTimeout'],
      type: SPAN,
      default: 30_000,
      restart: false,
      example: '1m',
    }),
    maxRequests: row({
      name: 'Probes',
      description:
        'Calls that are let through while the circuit is half open, and successes in a row that close it.',
      flag: 'circuit-breaker-max-requests',
      yamlAliases: ['circuitBreakerMaxRequests'],
      type: COUNT,
      default: 3,
      restart: false,
      example: '1',
    }),
    failureStatuses: row({
      name: 'Failure statuses',
      description:
        'Answers of a provider that count as failures, of 500 to 599. Connections that fail and answers that break off always do; 503 and 529 count for all callers at once.',
      flag: 'circuit-breaker-failure-statuses',
      type: serverErrors,
      default: [500, 502, 503, 504, 520, 521, 522, 523, 524, 529],
      restart: false,
      example: '503,504,529',
    }),
  },
)
