import { defineGroup, row } from '../option.ts'
import { duration, LONGEST_TIMER_MS } from '../types/duration.ts'
import { bool, integer } from '../types/scalar.ts'
import { BRIDGE_GROUP } from './bridge-group.ts'

const COUNT = integer({ min: 1, max: 2 ** 32 - 1 })
const SPAN = duration({ minMs: 1, maxMs: LONGEST_TIMER_MS })

export const BREAKER = defineGroup(
  {
    ...BRIDGE_GROUP,
    name: 'Circuit breaker',
    description: 'Answers 503 at once while a provider keeps failing.',
  },
  {
    enabled: row({
      name: 'Circuit breaker enabled',
      description: 'Watch providers for failures.',
      flag: 'circuit-breaker-enabled',
      yamlAliases: ['circuitBreakerEnabled'],
      type: bool,
      default: false,
      restart: false,
      effect: 'none-yet',
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
      effect: 'none-yet',
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
      effect: 'none-yet',
      example: '30s',
    }),
    timeout: row({
      name: 'Open time',
      description: 'How long the circuit stays open before a probe is let through.',
      flag: 'circuit-breaker-timeout',
      yamlAliases: ['circuitBreakerTimeout'],
      type: SPAN,
      default: 30_000,
      restart: false,
      effect: 'none-yet',
      example: '1m',
    }),
    maxRequests: row({
      name: 'Probes',
      description: 'Calls that are let through while the circuit is half open.',
      flag: 'circuit-breaker-max-requests',
      yamlAliases: ['circuitBreakerMaxRequests'],
      type: COUNT,
      default: 3,
      restart: false,
      effect: 'none-yet',
      example: '1',
    }),
  },
)
