import { userId } from '../kernel/user.ts'
import { respondError, respondJson } from './respond.ts'
import type { Exchange, Route } from './route.ts'

/**
 * The parts of Coder's general API that mean something without Coder. A field
 * that this daemon has nothing for is empty where Coder's clients read it, and
 * left out otherwise.
 */
export const GENERAL_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/v2/',
    access: 'none',
    summary: 'A greeting: `{message}`.',
    handle: ({ response }) => respondJson(response, 200, { message: '👋' }),
  },
  {
    method: 'GET',
    path: '/api/v2/buildinfo',
    access: 'user',
    summary: 'Version and deployment id, in the shape of Coder.',
    handle: answerBuildInfo,
  },
  {
    method: 'GET',
    path: '/api/v2/updatecheck',
    access: 'user',
    summary: 'Always current: this daemon calls nobody to ask.',
    handle: ({ response, deps }) =>
      respondJson(response, 200, { current: true, url: '', version: deps.version }),
  },
  {
    method: 'GET',
    path: '/api/v2/experiments',
    access: 'user',
    summary: 'Enabled experiments: none.',
    handle: ({ response }) => respondJson(response, 200, []),
  },
  {
    method: 'GET',
    path: '/api/v2/experiments/available',
    access: 'user',
    summary: 'Experiments there are: none.',
    handle: ({ response }) => respondJson(response, 200, []),
  },
  {
    method: 'GET',
    path: '/api/v2/users/me',
    access: 'user',
    summary: 'The user that the token belongs to.',
    handle: answerMe,
  },
  {
    method: 'GET',
    path: '/api/v2/deployment/config',
    access: 'admin',
    summary: 'The whole configuration, where each value came from, secrets blanked.',
    handle: ({ response, deps }) => respondJson(response, 200, deps.deploymentConfig()),
  },
]

function answerBuildInfo({ response, deps }: Exchange): void {
  respondJson(response, 200, {
    agent_api_version: '',
    dashboard_url: '',
    deployment_id: deps.deploymentId,
    external_url: '',
    provisioner_api_version: '',
    telemetry: false,
    upgrade_message: '',
    version: deps.version,
    webpush_public_key: '',
    workspace_proxy: false,
  })
}

function answerMe({ response, holder }: Exchange): void {
  if (holder === undefined) {
    return respondError(response, { status: 401, message: 'A token is required.' })
  }
  const { identity } = holder
  respondJson(response, 200, {
    id: userId(identity.user),
    username: identity.user,
    name: '',
    email: '',
    avatar_url: '',
    status: 'active',
    login_type: 'token',
    organization_ids: [],
    roles: identity.admin ? [{ name: 'owner', display_name: 'Owner' }] : [],
  })
}
