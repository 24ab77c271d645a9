import { Refusal } from '../../kernel/error.ts'
import type { Event } from '../../kernel/event.ts'
import type { Body, Call, Emit } from '../../kernel/flow.ts'
import { hasBody } from '../../kernel/framing.ts'
import { headerValues } from '../../kernel/headers.ts'
import { unescaped } from '../../kernel/percent.ts'
import {
  enforced,
  judgeHost,
  judgeModel,
  judgeProvider,
  onTrial,
  type Rule,
  type Ruling,
  rulesOnModels,
} from '../../kernel/rule.ts'
import type { Hold } from '../body/held-body.ts'
import { holdJson } from '../body/held-json.ts'
import { bodyOf } from '../body/pieces.ts'
import { withoutQuery } from '../path.ts'
import { isReading } from '../route.ts'
import { modelInBody } from './model-in-body.ts'

/** A refusal by rules, and what of the call they refuse. */
interface CallRuling extends Ruling {
  readonly subject: string
}

/**
 * Lets a call through as far as the rules about its caller judge it by its head,
 * and tells what rules on trial would refuse.
 * @throws Refusal `host_denied`, `provider_denied`, `model_denied`, `model_unknown`
 */
export function admitHead(call: Call, rules: readonly Rule[], emit: Emit): void {
  const ruling = judgeHead(call, enforced(rules))
  if (ruling !== undefined) throw new Refusal(ruling.reason, `${ruling.subject} (${ruling.rule})`)
  // Of hosts and providers it was told at CONNECT, where there was one.
  const trial =
    (call.target === undefined ? judgePlace(call, rules) : undefined) ?? judgeModels(call, rules)
  if (trial !== undefined) emit(shadowRefusal(call, trial))
}

type Head = Pick<Call, 'target' | 'provider' | 'upgrade' | 'path' | 'headers' | 'method'>

/** What these rules say of a call, as far as its head tells. */
export function judgeHead(head: Head, rules: readonly Rule[]): CallRuling | undefined {
  return judgePlace(head, rules) ?? judgeModels(head, rules)
}

/** CONNECT was judged by the rules of its time. */
function judgePlace({ target, provider }: Head, rules: readonly Rule[]): CallRuling | undefined {
  const ruling = (target && judgeHost(target, rules)) ?? judgeProvider(provider, rules)
  return ruling && { ...ruling, subject: provider }
}

function judgeModels(
  { upgrade, path, headers, method }: Head,
  rules: readonly Rule[],
): CallRuling | undefined {
  const rule = rulesOnModels(rules)
  if (rule === undefined) return undefined
  const unknown = (subject: string): CallRuling => ({ reason: 'model_unknown', rule, subject })
  // What a WebSocket asks for is said in messages that are not ours to hold.
  if (upgrade) return unknown('a WebSocket')
  const named = modelsInTarget(path)
  if (named === undefined) return unknown('a path that is not escaped correctly')
  for (const model of named) {
    const ruling = judgeModel(model, rules)
    if (ruling !== undefined) return { ...ruling, subject: model }
  }
  if (hasBody(headers)) {
    const coding = headerValues(headers, 'content-encoding')
    const isPlain = coding.every(value => value.trim().toLowerCase() === 'identity')
    return isPlain ? undefined : unknown('a compressed body')
  }
  // Nothing is asked of a model by reading a list.
  return named.length > 0 || isReading({ method, headers, upgrade })
    ? undefined
    : unknown('no body')
}

interface Holding {
  readonly hold: Hold
  /** Takes over what is held until the call is over. */
  readonly keep: (held: Disposable) => void
}

/**
 * Lets a call through whose head was judged. Whoever may use certain models only
 * has each request body held until it is whole, because only then its model is
 * certain; nobody else's body is touched. Gives the call to go on with. Rejects
 * with a Refusal: `model_denied`, `model_unknown`, or those of `Hold`.
 */
export async function admitModel(
  call: Call,
  allRules: readonly Rule[],
  holding: Holding,
): Promise<Call> {
  const rules = enforced(allRules)
  if (rulesOnModels(rules) === undefined || !hasBody(call.headers)) return call
  const { body, model } = await readBody(call, holding)
  const ruling = model === undefined ? undefined : judgeModel(model, rules)
  if (ruling !== undefined) throw new Refusal(ruling.reason, `${model} (${ruling.rule})`)
  if (model === undefined && modelsInTarget(call.path)?.length === 0) {
    throw new Refusal('model_unknown', 'the body names no model')
  }
  return { ...call, body }
}

/** What rules on trial would refuse of the model that a body names; of others it was told. */
export function modelOnTrial(
  call: Call,
  model: string | null,
  rules: readonly Rule[],
): Event | undefined {
  if (model === null || modelsInTarget(call.path)?.includes(model) === true) return undefined
  const trial = onTrial(rules, some => judgeModel(model, some))
  return trial && shadowRefusal(call, { ...trial, subject: model })
}

function shadowRefusal(
  { id: callId, connectId, caller }: Call,
  { subject, reason, rule }: CallRuling,
): Event {
  const { user } = caller.identity
  return { type: 'shadow_refusal', connectId, callId, user, subject, reason, rule }
}

/** Where Gemini, Bedrock, and the deployments of Azure, once OpenAI's engines, name the model. */
const IN_PATH = [
  /\/(?:models|tunedModels)\/([^/]+):[^/:]*$/i,
  /\/model\/(.+)\/(?:invoke|converse)[^/]*$/i,
  /\/(?:deployments|engines)\/([^/]+)\//i,
]

/**
 * The models that path and query name. Read with escapes undone, as a server
 * would: `%3A` must not hide what a colon would show. Undefined for escapes that
 * are none.
 */
function modelsInTarget(target: string): readonly string[] | undefined {
  const path = withoutQuery(target)
  const plain = unescaped(path)
  if (plain === undefined) return undefined
  const inPath = IN_PATH.flatMap(pattern => pattern.exec(plain)?.[1] ?? [])
  return [...inPath, ...new URLSearchParams(target.slice(path.length)).getAll('model')]
}

interface Held {
  readonly body: Body
  /** What the body names; undefined when it names none. */
  readonly model: string | undefined
}

async function readBody(call: Call, { hold, keep }: Holding): Promise<Held> {
  const { pieces, members, release } = await holdJson(hold, call.body)
  keep({ [Symbol.dispose]: release })
  const body = bodyOf(pieces)
  const { rawTrailers } = call.body
  return {
    body: rawTrailers === undefined ? body : Object.assign(body, { rawTrailers }),
    model: modelInBody(members, pieces),
  }
}
