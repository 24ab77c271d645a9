import type { Option, ValuesOf } from './option.ts'
import { API, HTTP, PROMETHEUS } from './options/api.ts'
import { BREAKER } from './options/breaker.ts'
import { BRIDGE } from './options/bridge.ts'
import { CHAT } from './options/chat.ts'
import { CLIENT_CERTIFICATES } from './options/client-certificates.ts'
import { GENERAL, STATE } from './options/general.ts'
import { LEGACY_PROVIDERS } from './options/legacy-providers.ts'
import { LIMITS } from './options/limits.ts'
import { OIDC } from './options/oidc.ts'
import { PROXY } from './options/proxy.ts'
import { BUDGET, RECORD } from './options/record.ts'

/**
 * Every option there is. Flags, variables, YAML keys, `--help`, the reference,
 * the example files and the deployment configuration are all made from this.
 */
export const OPTIONS = {
  general: GENERAL,
  state: STATE,
  proxy: PROXY,
  oidc: OIDC,
  clientCertificates: CLIENT_CERTIFICATES,
  limits: LIMITS,
  bridge: BRIDGE,
  legacy: LEGACY_PROVIDERS,
  breaker: BREAKER,
  record: RECORD,
  budget: BUDGET,
  api: API,
  http: HTTP,
  prometheus: PROMETHEUS,
  chat: CHAT,
} as const

/** The resolved value of every option, under the names of the table. */
export type Values = { readonly [G in keyof typeof OPTIONS]: ValuesOf<(typeof OPTIONS)[G]> }

/** The rows in the order of the table. */
export function allOptions(): readonly Option<unknown>[] {
  return Object.values(OPTIONS).flatMap(group => Object.values<Option<unknown>>(group))
}
