import { Readable } from 'node:stream'
import { Refusal } from '../../kernel/error.ts'
import type { Call } from '../../kernel/flow.ts'
import { hasBody } from '../../kernel/framing.ts'
import { headerValues } from '../../kernel/headers.ts'
import {
  enforced,
  judgeModel,
  judgeProvider,
  limitsModels,
  type Rule,
  type Ruling,
} from '../../kernel/rule.ts'
import type { Hold } from '../body/held-body.ts'
import { JsonMembers } from '../body/json-members.ts'
import { modelInBody } from './model-in-body.ts'

/**
 * What the rules about its caller say of a call, as far as its head tells.
 * @throws Refusal `provider_denied`, `model_denied`, `model_unknown`
 */
export function judgeHead(call: Call, allRules: readonly Rule[]): void {
  const rules = enforced(allRules)
  const provider = judgeProvider(call.provider, rules)
  if (provider !== undefined) throw new Refusal(provider.reason, provider.rule)
  if (!limitsModels(rules)) return
  // What a WebSocket asks for is said in messages that are not ours to hold.
  if (call.upgrade) throw new Refusal('model_unknown', 'a WebSocket')
  const named = modelsInTarget(call.path)
  judgeAll(named, rules)
  if (hasBody(call.headers)) {
    const coding = headerValues(call.headers, 'content-encoding')
    if (coding.every(value => value.trim().toLowerCase() === 'identity')) return
    throw new Refusal('model_unknown', 'the body is compressed')
  }
  // Nothing is asked of a model by reading a list.
  if (named.length === 0 && !/^(?:GET|HEAD|OPTIONS)$/.test(call.method)) {
    throw new Refusal('model_unknown', 'no body')
  }
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
  if (!limitsModels(rules) || !hasBody(call.headers)) return call
  const { body, model } = await readBody(call, holding)
  if (model !== undefined) judgeAll([model], rules)
  else if (modelsInTarget(call.path).length === 0) {
    throw new Refusal('model_unknown', 'the body names no model')
  }
  return { ...call, body }
}

/** What a rule on trial would have said to a model that was let through. */
export function trialOf(model: string | null, rules: readonly Rule[]): Ruling | undefined {
  if (model === null || judgeModel(model, enforced(rules)) !== undefined) return undefined
  return judgeModel(model, rules)
}

function judgeAll(models: readonly string[], rules: readonly Rule[]): void {
  for (const model of models) {
    const ruling = judgeModel(model, rules)
    if (ruling !== undefined) throw new Refusal(ruling.reason, `${model} (${ruling.rule})`)
  }
}

/** Where Gemini, Bedrock and Azure's deployments name the model. */
const IN_PATH = [
  /\/(?:models|tunedModels)\/([^/]+):[^/:]*$/i,
  /\/model\/(.+)\/(?:invoke|converse)[^/]*$/i,
  /\/deployments\/([^/]+)\//i,
]

/**
 * The models that path and query name. Read with escapes undone, as a server
 * would: `%3A` must not hide what a colon would show.
 * @throws Refusal `model_unknown` for escapes that are none
 */
function modelsInTarget(target: string): string[] {
  const [path = '', query = ''] = target.split('?', 2)
  try {
    const plain = decodeURIComponent(path)
    const inPath = IN_PATH.flatMap(pattern => pattern.exec(plain)?.[1] ?? [])
    return [...inPath, ...new URLSearchParams(query).getAll('model')]
  } catch (error) {
    throw new Refusal('model_unknown', 'the path is not escaped correctly', { cause: error })
  }
}

type Body = Call['body']

interface Held {
  readonly body: Body
  /** What the body names; undefined when it names none. */
  readonly model: string | undefined
}

async function readBody(call: Call, { hold, keep }: Holding): Promise<Held> {
  const scan = new JsonMembers()
  const pieces: Buffer[] = []
  const release = await hold(call.body, piece => {
    pieces.push(piece)
    scan.write(piece)
  })
  keep({ [Symbol.dispose]: release })
  const body: Body = Readable.from(pieces, { objectMode: false })
  const { rawTrailers } = call.body
  return {
    body: rawTrailers === undefined ? body : Object.assign(body, { rawTrailers }),
    model: modelInBody(scan.end(), pieces),
  }
}
