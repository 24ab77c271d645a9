import { Refusal } from '../../kernel/error.ts'
import type { Member } from '../body/json-members.ts'
import { cutOut } from '../body/pieces.ts'

/**
 * Keys under which servers take other models: to fall back upon (OpenRouter,
 * LiteLLM, Vercel), or in place of `model` (Bedrock's `modelId`, the `engine` of
 * old). Compared without case; any name with one of the two words counts.
 */
const OTHER_MODELS =
  /^(?!model$).*(?:model|fallback)|^(?:provideroptions|preset|engine|user_config|router_settings_override)$/is

/** A longer text names no model that could be compared with a rule. */
const MAX_MODEL = 1024

/**
 * The model that a body names; undefined when it names none.
 *
 * SECURITY: another reader of the same bytes must not find another model, so
 * two of them are as bad as none. Names are compared without case, as Go's
 * decoder does. @throws Refusal `model_unknown`
 */
export function modelInBody(
  members: readonly Member[] | undefined,
  pieces: readonly Buffer[],
): string | undefined {
  if (members === undefined) throw new Refusal('model_unknown', 'the body is not plain JSON')
  const other = members.find(({ name }) => OTHER_MODELS.test(name))
  if (other !== undefined) throw new Refusal('model_unknown', `the body has ${other.name}`)
  const [found, ...others] = members.filter(({ name }) => name.toLowerCase() === 'model')
  if (found === undefined) return undefined
  if (others.length > 0) throw new Refusal('model_unknown', 'the body names several models')
  const isShort = found.end - found.start <= MAX_MODEL
  const value: unknown = isShort ? JSON.parse(cutOut(pieces, found).toString('utf8')) : undefined
  if (typeof value === 'string') return value
  throw new Refusal('model_unknown', 'the model is no short text')
}
