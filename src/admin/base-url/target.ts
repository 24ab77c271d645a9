/** The part of a request target behind the name of a provider. */
export interface BaseUrlTarget {
  readonly provider: string
  /** Path and query as sent, from the slash behind the name on. */
  readonly path: string
}

const FORM = /^\/api\/v2\/(?:aibridge|ai-gateway)\/([a-z0-9]+(?:-[a-z0-9]+)*)(?=[/?]|$)/

/** What a base-URL route addresses; `undefined` for every other target. */
export function baseUrlTarget(target: string): BaseUrlTarget | undefined {
  const found = FORM.exec(target)
  const provider = found?.[1]
  if (found === null || provider === undefined) return undefined
  const rest = target.slice(found[0].length)
  return { provider, path: rest.startsWith('/') ? rest : `/${rest}` }
}
