import { defineGroup, row } from '../option.ts'
import { headerName } from '../types/header-name.ts'
import { bool, file, integer, oneOf } from '../types/scalar.ts'
import { BRIDGE_GROUP } from './bridge-group.ts'

const COUNT = integer({ min: 0, max: 2 ** 32 - 1 })

export const BRIDGE = defineGroup(BRIDGE_GROUP, {
  enabled: row({
    name: 'Bridge enabled',
    description:
      'Run the bridge in this daemon. With `false`, calls go to the bridge of the deployment at the access URL, and callers are its users.',
    flag: 'enabled',
    type: bool,
    default: true,
    restart: false,
    example: 'false',
  }),
  allowByok: row({
    name: 'Bring your own key',
    description:
      "Passes a client's own provider key on. When off, the central key replaces whatever was sent.",
    flag: 'allow-byok',
    type: bool,
    default: true,
    restart: false,
    example: 'false',
  }),
  passthrough: row({
    name: 'Pass-through',
    description:
      '`all`: unlisted paths of an intercepted host go through, without the central key. `listed`: they are 404.',
    flag: 'passthrough',
    type: oneOf('all', 'listed'),
    default: 'all',
    restart: false,
    example: 'listed',
  }),
  maxConcurrency: row({
    name: 'Maximum concurrency',
    description:
      'Calls in flight at once in this daemon; more are answered with 503, and what comes free goes first to callers who hold less. The limit of connections bounds the calls of one caller. 0 is unlimited.',
    flag: 'max-concurrency',
    yamlAliases: ['maxConcurrency'],
    type: COUNT,
    default: 0,
    restart: false,
    example: '200',
  }),
  rateLimit: row({
    name: 'Rate limit',
    description:
      'Calls per second of one caller, over all daemons that share the records; more are answered with 429. 0 is unlimited.',
    flag: 'rate-limit',
    yamlAliases: ['rateLimit'],
    type: COUNT,
    default: 0,
    restart: false,
    example: '20',
  }),
  policyFile: row({
    name: 'Policy file',
    description:
      'YAML file with the groups of callers, their budgets (docs/budgets.md) and rules (docs/policy.md). A fault in it refuses the start, and at a reload the old one stays.',
    flag: 'policy-file',
    type: file,
    default: undefined,
    restart: false,
    example: '/etc/aibridgeproxyd/policy.yaml',
  }),
  pricesFile: row({
    name: 'Prices file',
    description:
      'YAML or JSON file with prices of models, which beat the built-in ones and add to them; see docs/prices.md. A fault in it refuses the start, and at a reload the old one stays.',
    flag: 'prices-file',
    type: file,
    default: undefined,
    restart: false,
    example: '/etc/aibridgeproxyd/prices.yaml',
  }),
  sendActorHeaders: row({
    name: 'Send actor headers',
    description:
      'Tells the provider who is calling, in headers of bridged calls. Headers of these names that clients send are taken out, always.',
    flag: 'send-actor-headers',
    type: bool,
    default: false,
    restart: false,
    example: 'true',
  }),
  actorHeaderId: row({
    name: 'Actor id header',
    description: "Name of the header with the caller's id, the UUID that the API shows.",
    flag: 'actor-header-id',
    type: headerName,
    default: 'X-AI-Bridge-Actor-ID',
    restart: false,
    example: 'X-Actor-ID',
  }),
  actorHeaderUsername: row({
    name: 'Actor name header',
    description:
      "Name of the header with the caller's user name; what is not visible ASCII is percent-encoded.",
    flag: 'actor-header-username',
    type: headerName,
    default: 'X-AI-Bridge-Actor-Metadata-Username',
    restart: false,
    example: 'X-Actor-Username',
  }),
  dumpDir: row({
    name: 'Bridge dump directory',
    description:
      'Writes what goes to providers and comes from them to files here, as `CODER_AIBRIDGE_PROXY_DUMP_DIR` does with what clients send and get: each attempt, translated for Bedrock, with tools of MCP servers.',
    flag: 'dump-dir',
    yaml: 'api_dump_dir',
    type: file,
    default: undefined,
    restart: false,
    example: '/var/lib/aibridgeproxyd/provider-dumps',
  }),
  injectCoderMcpTools: row({
    name: 'Inject Coder MCP tools',
    description:
      'Offers models the tools of the servers in `mcp_servers_file`, and calls them. The one option with which requests and answers are changed.',
    flag: 'inject-coder-mcp-tools',
    type: bool,
    default: false,
    restart: false,
    example: 'true',
  }),
  mcpServersFile: row({
    name: 'MCP servers file',
    description:
      'YAML file with the servers whose tools models are offered (streamable HTTP); see docs/mcp.md.',
    flag: 'mcp-servers-file',
    type: file,
    default: undefined,
    restart: false,
    example: '/etc/aibridgeproxyd/mcp.yaml',
  }),
})
