import { defineGroup, row } from '../option.ts'
import { duration } from '../types/duration.ts'
import { namePatterns, signatureAlgorithms, strings } from '../types/list.ts'
import { file, string } from '../types/scalar.ts'
import { baseUrl } from '../types/url.ts'

export const OIDC = defineGroup(
  {
    name: 'OIDC',
    description:
      'Callers who show a JWT of an OpenID Connect issuer in place of a stored token: CI jobs, workloads of Kubernetes.',
    prefix: 'aibridge-proxy-oidc',
    aliasPrefix: 'ai-gateway-proxy-oidc',
    yaml: ['aibridgeproxy', 'oidc'],
    yamlAlias: ['ai_gateway_proxy', 'oidc'],
    json: ['ai', 'aibridge_proxy', 'oidc'],
  },
  {
    issuer: row({
      name: 'OIDC issuer',
      description: 'URL of the issuer, exactly as its tokens have it in `iss`.',
      flag: 'issuer',
      type: baseUrl('invalid OIDC issuer'),
      default: undefined,
      restart: false,
      example: 'https://login.example.com/realms/acme',
    }),
    audience: row({
      name: 'OIDC audience',
      description: 'A token must be meant for one of these (`aud`).',
      flag: 'audience',
      type: strings,
      default: [],
      defaultText: 'none',
      restart: false,
      example: 'aibridgeproxyd',
    }),
    jwksUrl: row({
      name: 'OIDC key set URL',
      description: "Where the issuer's public keys are (JWKS).",
      flag: 'jwks-url',
      type: baseUrl('invalid OIDC key set URL'),
      default: undefined,
      defaultText: 'what <issuer>/.well-known/openid-configuration says',
      restart: false,
      example: 'https://www.googleapis.com/oauth2/v3/certs',
    }),
    caFile: row({
      name: 'OIDC CA',
      description: "PEM file of the CA that signed the certificate of the keys' server.",
      flag: 'ca-file',
      type: file,
      default: undefined,
      restart: false,
      example: '/etc/aibridgeproxyd/issuer-ca.pem',
    }),
    userClaim: row({
      name: 'OIDC user claim',
      description: 'The claim that names the user.',
      flag: 'user-claim',
      type: string,
      default: 'sub',
      restart: false,
      example: 'email',
    }),
    userPrefix: row({
      name: 'OIDC user prefix',
      description:
        'Stands before that name, so that nobody there is taken for a user with a stored token. `-` for none.',
      flag: 'user-prefix',
      type: string,
      default: 'oidc:',
      restart: false,
      example: 'ci:',
    }),
    allowedUsers: row({
      name: 'OIDC users',
      description:
        'Who may call, by that claim: exact, or a beginning with a star behind it. A public issuer vouches for everybody in the world.',
      flag: 'allowed-users',
      type: namePatterns,
      default: ['*'],
      restart: false,
      example: 'repo:acme/*',
    }),
    groupsClaim: row({
      name: 'OIDC groups claim',
      description:
        'The claim that names groups, which then count for the rules of the policy file.',
      flag: 'groups-claim',
      type: string,
      default: undefined,
      restart: false,
      example: 'groups',
    }),
    algorithms: row({
      name: 'OIDC algorithms',
      description: 'Signature algorithms that are accepted.',
      flag: 'algorithms',
      type: signatureAlgorithms,
      default: ['RS256', 'ES256', 'EdDSA'],
      restart: false,
      example: 'ES256',
    }),
    clockSkew: row({
      name: 'OIDC clock skew',
      description: "By how much the issuer's clock may differ.",
      flag: 'clock-skew',
      type: duration({ minMs: 0, maxMs: 600_000 }),
      default: 60_000,
      restart: false,
      example: '10s',
    }),
  },
)
