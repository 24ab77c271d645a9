import { type ReasonRow } from './row.ts'

/** What is refused inside an intercepted connection, and what fails at a provider. */
export const INSIDE_REASONS = {
  target_mismatch: {
    status: 421,
    text: 'The request names another host than the connection.',
    level: 'warn',
    doc: 'Inner Host or SNI contradicts the CONNECT target.',
  },
  token_required: {
    status: 401,
    text: 'A proxy token is required: send it as Coder-Session-Token, or in place of the key.',
    level: 'info',
    doc: 'A base-URL route without a token in any of the headers where one may stand.',
  },
  token_invalid: {
    status: 401,
    text: 'The proxy token is not valid.',
    level: 'warn',
    doc: 'A base-URL route with an unknown, revoked or expired token.',
  },
  flood: {
    status: 429,
    text: 'The connection carries too much that asks for nothing.',
    level: 'warn',
    doc: 'An HTTP/2 connection with more control frames, or more calls given up at once, than any client has use for, which is closed with ENHANCE_YOUR_CALM; or a TLS connection with records that carry next to nothing.',
  },
  token_revoked: {
    status: 401,
    text: 'Your proxy token was revoked or has expired.',
    level: 'warn',
    doc: 'A call on a connection whose token stopped being valid after CONNECT; in log and books also one that was cut off for it.',
  },
  no_credential: {
    status: 401,
    text: 'No provider credential: configure a central key for this provider, or send your own.',
    level: 'warn',
    doc: 'A listed path, no central key, and the client sent none of its own.',
  },
  byok_disabled: {
    status: 403,
    text: 'Bring-your-own-key is switched off, and this provider takes no central key.',
    level: 'warn',
    doc: '`copilot` and `chatgpt` with `allow_byok=false`.',
  },
  rate_limited: {
    status: 429,
    text: 'You make too many calls.',
    level: 'info',
    doc: '`rate_limit`: calls per second of one caller, over all daemons that share the records.',
  },
  budget_exhausted: {
    status: 429,
    text: 'The budget for AI calls is used up.',
    level: 'warn',
    doc: 'A budget of the caller, or of one of their groups; the answer says until when.',
  },
  model_denied: {
    status: 403,
    text: 'You may not use this model.',
    level: 'warn',
    doc: 'The model is not among those that the rules of the policy file allow the caller.',
  },
  model_unknown: {
    status: 403,
    text: 'You may use certain models only, and the request does not plainly name one.',
    level: 'warn',
    doc: 'The caller may use certain models only, and the request is a WebSocket, or has a body that is not plain JSON, names no model or several, or is too large to be held.',
  },
  provider_gone: {
    status: 503,
    text: 'This host is no longer served; connect again.',
    level: 'info',
    doc: 'The provider was taken out of the configuration while the connection was open.',
  },
  route_not_supported: {
    status: 404,
    text: 'This path is not served.',
    level: 'info',
    doc: 'An unlisted path while pass-through is limited to listed ones.',
  },
  circuit_open: {
    status: 503,
    text: 'The AI provider keeps failing; try again later.',
    level: 'warn',
    doc: 'The circuit breaker is open for this provider and route: for all callers, or for the one whose calls alone failed. The provider was not asked.',
  },
  provider_credentials: {
    status: 502,
    text: "The operator's credentials for the AI provider could not be obtained.",
    level: 'error',
    doc: 'The default chain of the AWS SDKs gave no credentials for Bedrock.',
  },
  request_too_large: {
    status: 413,
    text: 'The request body is too large.',
    level: 'info',
    doc: 'More than 32 MiB where a body has to be whole before any of it goes out: for rules about models, tools of MCP servers and Bedrock.',
  },
  body_timeout: {
    status: 408,
    text: 'The request body took too long.',
    level: 'info',
    doc: 'A body that has to be whole before any of it goes out stopped in the middle: the body idle limit.',
  },
  too_many_uploads: {
    status: 429,
    text: 'You have too many large requests under way.',
    level: 'warn',
    doc: 'Of the memory for bodies that have to be whole before any of them goes out, the caller holds as much as is left for all others. Each gives its part back when it is over.',
  },
  body_unreadable: {
    status: 400,
    text: 'The request body is not a JSON object.',
    level: 'info',
    doc: 'A call that has to be put into the form of Bedrock, and cannot be read, or is of more values than any request has.',
  },
  provider_unreachable: {
    status: 502,
    text: 'The AI provider could not be reached.',
    level: 'error',
    doc: 'Lookup, connection or upstream-proxy failure on the way to the provider.',
  },
  provider_tls: {
    status: 502,
    text: "The AI provider's certificate could not be verified.",
    level: 'error',
    doc: "The provider's TLS identity is not valid; no byte of the request was sent.",
  },
  provider_broken: {
    status: 502,
    text: 'The AI provider broke off before it answered.',
    level: 'error',
    doc: 'The connection ended, or the answer was not HTTP.',
  },
  provider_timeout: {
    status: 504,
    text: 'The AI provider did not answer in time.',
    level: 'error',
    doc: 'Connect or first-byte limit.',
  },
} as const satisfies Record<string, ReasonRow>
