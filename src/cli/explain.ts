import { type Credential, chooseCredential } from '../bridge/credentials.ts'
import { judgeHead } from '../bridge/model/model-gate.ts'
import { withoutQuery } from '../bridge/path.ts'
import { isReading, route } from '../bridge/route.ts'
import { accessUrlText } from '../config/deployment.ts'
import type { Settings } from '../config/settings.ts'
import { decideTarget } from '../daemon/decide.ts'
import { siblingAt, typeOf } from '../daemon/providers.ts'
import { judge } from '../egress/guard.ts'
import { createOwn } from '../egress/own.ts'
import type { CallerVerdict, Verdict } from '../kernel/flow.ts'
import type { ProviderSettings } from '../kernel/provider.ts'
import { REASONS, type Reason } from '../kernel/reasons.ts'
import { headFault, pathFault } from '../kernel/request-head.ts'
import { enforced, judgeModel, type Rule, rulesAbout, rulesOnModels } from '../kernel/rule.ts'
import { hostText, parseAuthority, type Target } from '../kernel/target.ts'
import { ANONYMOUS } from '../proxy/auth.ts'
import { buildPolicy } from '../proxy/policy.ts'

export interface Question {
  readonly target: string
  /** Undefined: a caller of whom no rule speaks by name. */
  readonly user: string | undefined
  /** Those that a token of the caller names, beside the file's. */
  readonly groups: readonly string[]
  /** A request inside the interception. */
  readonly request: { readonly method: string; readonly path: string } | undefined
  readonly model: string | undefined
}

/**
 * What would happen, by the functions that decide when it does, one fact a
 * line. Nothing is looked up: the addresses of a name are judged when a client
 * asks for it.
 */
export function explain(question: Question, settings: Settings): string {
  const parsed = parseAuthority(question.target)
  if (!parsed.ok) return `${question.target}: ${refusal(parsed.reason)}`
  const { target } = parsed
  const policy = buildPolicy({ ...settings.proxy, providers: settings.bridge.providers })
  const nobody = settings.proxy.auth === 'off' ? ANONYMOUS.identity.user : ''
  const identity = { user: question.user ?? nobody, groups: question.groups }
  const decided = decideTarget(target, identity, policy, settings.policy)
  const rules = rulesAbout(identity, settings.policy)
  const lines = [`${target.text}: ${connect(target, decided, settings)}`]
  if (decided.shadow !== undefined) {
    lines.push(`on trial: ${refusal(decided.shadow.reason)} (${decided.shadow.rule})`)
  }
  if (decided.verdict.kind === 'intercept') {
    const { request } = question
    if (request !== undefined) {
      lines.push(...callLines({ ...request, target }, decided.verdict, { settings, rules }))
    }
    lines.push(...modelLines(question, rules))
  }
  return lines.join('\n')
}

function connect(target: Target, { verdict, rule }: CallerVerdict, settings: Settings): string {
  if (verdict.kind === 'refuse') {
    return rule === undefined ? refusal(verdict.reason) : `${refusal(verdict.reason)} (${rule})`
  }
  const caller =
    settings.proxy.auth === 'off' ? 'every caller' : 'callers with a token (others: 407)'
  if (verdict.kind === 'tunnel') return tunnel(target, caller, settings)
  const { remote } = settings.bridge
  const where = remote === undefined ? '' : `; its calls go to ${accessUrlText(remote)}`
  return `intercepted for provider ${verdict.provider}, for ${caller}; ${verdict.host} is one of its hosts${where}`
}

function tunnel(target: Target, caller: string, { proxy, api }: Settings): string {
  if (target.host.kind === 'name') {
    if (proxy.upstream !== undefined && proxy.upstreamResolves) {
      return `tunnelled for ${caller}: no provider has this host; the upstream proxy resolves it`
    }
    return `tunnelled for ${caller} if every address of the name is allowed: no provider has this host`
  }
  const listeners = [proxy.listen, proxy.tlsListen, api.listen, api.prometheus.listen]
  const own = createOwn(() => listeners.filter(listen => listen !== undefined))
  const judgement = judge([target.host.address], { ...proxy, own }, target.port)
  if (!judgement.ok) return refusal(judgement.refused)
  return judgement.reason === 'tunnel'
    ? `tunnelled for ${caller}: a public address`
    : `tunnelled for ${caller}: a private address inside CODER_AIBRIDGE_PROXY_ALLOWED_PRIVATE_CIDRS`
}

type Request = NonNullable<Question['request']>

/** A request without a credential of its own, as clients behind the proxy send it. */
function callLines(
  { method, path, target }: Request & { readonly target: Target },
  { provider, host }: Extract<Verdict, { kind: 'intercept' }>,
  { settings: { bridge }, rules }: { settings: Settings; rules: readonly Rule[] },
): string[] {
  const configured = bridge.providers.find(({ name }) => name === provider)
  if (configured === undefined) return []
  const line = (text: string): string => `${method} ${path}: ${text}`
  const fault = headFault({ version: '1.1', method, headers: [] }) ?? pathFault(path)
  if (fault !== undefined) return [line(refusal(fault))]
  const settings = placeOf(configured, host, path)
  const type = typeOf(settings)
  const reads = isReading({ method, headers: [], upgrade: false })
  const found = route(path, method, {
    type,
    basePath: settings.basePath,
    passthrough: bridge.passthrough,
    ownHost: host === hostText(settings.origin.target.host),
    reads,
  })
  if (found.kind === 'refuse') return [line(refusal(found.reason))]
  const headers = reads ? [] : ['Content-Length', '1']
  const head = { target, provider, method, path, headers, upgrade: false }
  const ruling = judgeHead(head, enforced(rules))
  if (ruling !== undefined) return [line(`${refusal(ruling.reason)} (${ruling.rule})`)]
  const trial = judgeHead(head, rules)
  const onTrial =
    trial === undefined ? [] : [line(`on trial: ${refusal(trial.reason)} (${trial.rule})`)]
  if (bridge.remote !== undefined) return onTrial
  const credential = chooseCredential([], {
    type,
    key: settings.keys[0],
    callerToken: undefined,
    allowByok: bridge.allowByok,
    path,
    listed: found.listed,
  })
  const to = `${found.kind}, to ${settings.origin.protocol}://${settings.origin.target.text}${found.path}`
  return [line(`${to}${keyText(credential)}`), ...onTrial]
}

/** As the bridge chooses: of several hosts each has its own calls, but for what is translated. */
function placeOf(provider: ProviderSettings, host: string, path: string): ProviderSettings {
  const isTranslated = typeOf(provider).translated?.includes(withoutQuery(path)) === true
  const sibling = provider.siblings.find(one => one.host === host)
  return sibling === undefined || isTranslated ? provider : siblingAt(provider, sibling)
}

function keyText(credential: Credential): string {
  if (credential.kind === 'refuse') {
    return `; without a key of the client's own ${refusal(credential.reason)}`
  }
  return credential.kind === 'centralized' ? ', with the central key' : ', without a key of ours'
}

function modelLines({ model }: Question, rules: readonly Rule[]): string[] {
  const names = rulesOnModels(rules)
  if (names === undefined) return []
  if (model === undefined) return [`models: certain ones only (${names}); ask with --model`]
  const ruling = judgeModel(model, enforced(rules))
  const trial = judgeModel(model, rules)
  if (ruling !== undefined) return [`model ${model}: ${refusal(ruling.reason)} (${ruling.rule})`]
  if (trial !== undefined) {
    return [`model ${model}: allowed; on trial: ${refusal(trial.reason)} (${trial.rule})`]
  }
  return [`model ${model}: allowed`]
}

function refusal(reason: Reason): string {
  const { status, doc } = REASONS[reason]
  return `refused, ${status} ${reason}: ${doc}`
}
