import { asCount, asName, asObject, type JsonObject } from '../usage/json-value.ts'
import { keptBetas } from './betas.ts'

/** The models that an operator has on Bedrock. */
export interface BedrockModels {
  readonly model: string
  /** Takes the place of models whose name contains `haiku`. */
  readonly smallFastModel: string
}

export interface Translated {
  readonly model: string
  readonly stream: boolean
  readonly body: JsonObject
}

const VERSION = 'bedrock-2023-05-31'

/** Fields of the Messages API that Bedrock refuses. */
const UNKNOWN_FIELDS = ['model', 'stream', 'metadata', 'service_tier', 'container', 'inference_geo']

/** Fields that belong to a beta flag and go with it. */
const BETA_FIELDS = [
  ['output_config', 'effort-2025-11-24'],
  ['context_management', 'context-management-2025-06-27'],
] as const

/**
 * A request of Anthropic's Messages API as Bedrock takes it
 * (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html):
 * model and stream are in the path there, beta flags in the body.
 */
export function translate(
  request: JsonObject,
  betaHeaders: readonly string[],
  models: BedrockModels,
): Translated {
  const isSmall = asName(request['model'])?.includes('haiku') === true
  const model = isSmall ? models.smallFastModel : models.model
  const betas = keptBetas(betaHeaders, model)
  const dropped = new Set<string>([
    ...UNKNOWN_FIELDS,
    ...BETA_FIELDS.flatMap(([field, flag]) => (betas.includes(flag) ? [] : [field])),
  ])
  const kept = Object.entries(request).filter(([name]) => !dropped.has(name))
  const thinking = fixedThinking(request, model)
  const body = {
    anthropic_version: VERSION,
    ...Object.fromEntries(kept),
    ...(thinking === undefined ? {} : { thinking }),
    ...(betas.length === 0 ? {} : { anthropic_beta: betas }),
  }
  return { model, stream: request['stream'] === true, body }
}

/** The part of `max_tokens` that thinking may use, by effort. */
const SHARES: Readonly<Record<string, number>> = { low: 0.2, medium: 0.5, high: 0.8, max: 0.95 }
const LEAST_BUDGET = 1024

/**
 * What takes the place of adaptive thinking where a model does not know it;
 * `undefined` leaves the field as it is.
 */
function fixedThinking(request: JsonObject, model: string): JsonObject | undefined {
  if (asObject(request['thinking'])?.['type'] !== 'adaptive' || isAdaptive(model)) return undefined
  const most = asCount(request['max_tokens'])
  if (most === undefined) return undefined
  const effort = asName(asObject(request['output_config'])?.['effort']) ?? 'high'
  const share = Object.hasOwn(SHARES, effort) ? SHARES[effort] : undefined
  const budget = Math.floor(most * (share ?? 0.8))
  return budget < LEAST_BUDGET ? { type: 'disabled' } : { type: 'enabled', budget_tokens: budget }
}

/** Opus and Sonnet from 4.6 on. */
function isAdaptive(model: string): boolean {
  const [, major = '0', minor = '0'] =
    /(?:opus|sonnet)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)/.exec(model) ?? []
  return Number(major) > 4 || (Number(major) === 4 && Number(minor) >= 6)
}
