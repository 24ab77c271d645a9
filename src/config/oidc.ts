import { hostText, isLoopbackHost, type Origin } from '../kernel/target.ts'
import type { Values } from './options.ts'
import type { Files } from './read-file.ts'
import type { Report } from './report.ts'
import { readRoots } from './roots-file.ts'
import type { OidcSettings } from './settings.ts'

/** SECURITY: anybody can get a token of theirs, for whatever audience. */
const PUBLIC_ISSUERS: ReadonlySet<string> = new Set([
  'token.actions.githubusercontent.com',
  'gitlab.com',
  'accounts.google.com',
  'agent.buildkite.com',
  'app.terraform.io',
])

/** A beginning that all names of an issuer may share, as in `repo:*`: it names no owner. */
const EVERYBODY = /^[^:/]*:?\*$/

/** The issuer whose JWTs name callers; what is wrong with it goes into the report. */
export function readOidc({ oidc }: Values, files: Files): OidcSettings | undefined {
  const { report } = files
  const { issuer, audience, jwksUrl, caFile, groupsClaim } = oidc
  if (issuer === undefined) {
    if (audience.length > 0 || jwksUrl !== undefined || groupsClaim !== undefined) {
      report.problems.push(
        'options of OIDC callers are set without an issuer: set CODER_AIBRIDGE_PROXY_OIDC_ISSUER, or remove them',
      )
    }
    return undefined
  }
  // SECURITY: without it a token that was made for any other service would do here.
  if (audience.length === 0) {
    report.problems.push(
      'CODER_AIBRIDGE_PROXY_OIDC_ISSUER needs an audience: set CODER_AIBRIDGE_PROXY_OIDC_AUDIENCE to what tokens for this proxy have in aud',
    )
  }
  const isPublic = PUBLIC_ISSUERS.has(hostText(issuer.origin.target.host))
  if (isPublic && oidc.allowedUsers.some(pattern => EVERYBODY.test(pattern))) {
    report.problems.push(
      `CODER_AIBRIDGE_PROXY_OIDC_ISSUER vouches for everybody in the world: say in CODER_AIBRIDGE_PROXY_OIDC_ALLOWED_USERS who of them may call, as in repo:acme/*`,
    )
  }
  const { origin } = jwksUrl ?? issuer
  refuseClearText(origin, report)
  return {
    issuer: issuer.text,
    audiences: audience,
    origin,
    jwksUrl: jwksUrl?.text,
    caPem: readRoots('OIDC CA certificate (CODER_AIBRIDGE_PROXY_OIDC_CA_FILE)', caFile, files),
    userClaim: oidc.userClaim,
    userPrefix: oidc.userPrefix === '-' ? '' : oidc.userPrefix,
    allowedUsers: oidc.allowedUsers,
    groupsClaim,
    algorithms: oidc.algorithms,
    clockSkewMs: oidc.clockSkew,
  }
}

/** SECURITY: whoever can change the keys under way can call as anybody. */
function refuseClearText({ protocol, target }: Origin, report: Report): void {
  if (protocol === 'https' || isLoopbackHost(target.host)) return
  report.problems.push(
    'the keys of an OIDC issuer must not come over plain http beyond loopback: use https:// in CODER_AIBRIDGE_PROXY_OIDC_ISSUER or _OIDC_JWKS_URL',
  )
}
