import type { Option } from '../option.ts'
import { allOptions } from '../options.ts'
import { FIELD_NAMES, PROVIDER_FIELDS, yamlFieldName } from '../providers/fields.ts'
import { byGroup, type GroupOfOptions } from './groups.ts'

const INTRODUCTION = `# Configuration

<!-- Made from the option table in src/config: \`npm run docs\`. Edit there. -->

Every option has a flag, an environment variable and, unless it is secret, a key in the YAML file that \`--config\` or \`CODER_CONFIG_PATH\` names. A flag beats a variable, a variable beats the file, the file beats the default. \`aibridgeproxyd check\` prints every value and where it came from.

An empty variable counts as unset. Unknown flags, unknown YAML keys, values that cannot be read and settings that contradict each other refuse the start; all problems are told at once. A variable that looks like one of ours but is not gives a warning, since it may be meant for a newer version.

Variables \`CODER_AI_GATEWAY_…\`, flags \`--ai-gateway-…\` and YAML sections \`ai_gateway:\`, \`ai_gateway_proxy:\` are other names of \`CODER_AIBRIDGE_…\`, \`--aibridge-…\`, \`aibridge:\`, \`aibridgeproxy:\`. Setting two names of one option to different values refuses the start. The file \`<variable>_FILE\` of a secret may hold it instead of the variable.

Kinds of values: **bool** \`true\`, \`false\` and Go's other forms (\`1\`, \`t\`, …) · **duration** \`30s\`, \`1h30m\`, \`60d\` · **size** bytes, or with KiB, MiB, GiB · **list** separated by commas, in YAML also a sequence, as a flag also repeated · **listen address** \`host:port\`; without a host, as in \`:8888\`, all interfaces; port 0 is any free port · **CIDR** the full form, without host bits, never \`/0\`, a single address with its length.
`

const PROVIDERS = `## Providers

Providers are numbered from 0 without gaps: \`CODER_AIBRIDGE_PROVIDER_<N>_<KEY>\` (or \`CODER_AI_GATEWAY_PROVIDER_<N>_<KEY>\`, but not both forms at once), or the entries of \`aibridge.providers\` in the YAML file. A variable adds to, or overrides, the entry with its number; that is how an entry of the file gets its key.

`

const PROVIDER_RULES = `
**Which providers there are.** Indexed providers are the whole list, with the single providers (\`CODER_AIBRIDGE_OPENAI_KEY\`, \`CODER_AIBRIDGE_ANTHROPIC_KEY\` and their base URLs) before them. Without indexed ones, \`anthropic\`, \`openai\` and \`copilot\` are there, each without a key unless its single provider is configured: with only an Anthropic key set, traffic to OpenAI is still seen, and its clients bring their own keys.

**Which hosts are intercepted.** A host belongs to one provider. \`HOSTS\` comes first (two providers that name one host there refuse the start). A provider without \`HOSTS\` has the host of its base URL and, if it is the first of its type, the type's own hosts; where several providers stand behind one gateway host, the first gets it and a warning says so. A base URL on loopback counts with its own port only, and not at all over plain http. \`CODER_AIBRIDGE_PROXY_DOMAIN_ALLOWLIST\`, where set, restricts the hosts and must name nothing else.

**Types** are in [providers.md](providers.md). An \`anthropic\` provider with \`BEDROCK_*\` fields has its calls of the model answered by Bedrock; what Bedrock has no form for goes to its \`BASE_URL\`, without a central key. \`bedrock\` intercepts Bedrock's own host. Without access keys the default chain of the AWS SDKs is asked (environment, shared files, SSO, container and instance metadata).
`

/** \`docs/reference/config.md\`. */
export function configReference(): string {
  const sections = byGroup(allOptions()).map(section)
  return [
    INTRODUCTION,
    ...sections,
    PROVIDERS + fieldTable() + PROVIDER_RULES,
    withoutEffect(),
  ].join('\n')
}

function section({ group, options }: GroupOfOptions): string {
  const rows = options.map(option =>
    tableRow(namesCell(option), kindCell(option), meaningCell(option)),
  )
  const head = [tableRow('option', 'kind, default', 'meaning'), '|---|---|---|']
  return [`## ${group.name}`, '', group.description, '', ...head, ...rows, ''].join('\n')
}

function namesCell(option: Option<unknown>): string {
  const yaml = option.yaml === undefined ? [] : [`\`${option.yaml.join('.')}\``]
  return [`**${option.name}**`, `\`${option.env}\``, `\`--${option.flag}\``, ...yaml].join('<br>')
}

function kindCell(option: Option<unknown>): string {
  const plain = /^[a-z ]*( |none)[a-z ]*$/i.test(option.defaultText)
  const text = plain ? option.defaultText : `\`${option.defaultText}\``
  return `${option.type.label}<br>${text}`
}

function meaningCell(option: Option<unknown>): string {
  const notes: string[] = []
  if (option.effect === 'none-yet') notes.push('**No effect yet.**')
  if (option.secret) notes.push('Secret.')
  if (!option.restart) notes.push('A reload (SIGHUP) is enough.')
  return [option.description, ...notes].join(' ')
}

function fieldTable(): string {
  const rows = FIELD_NAMES.map(name => {
    const field = PROVIDER_FIELDS[name]
    const yaml = yamlFieldName(name)
    const names = [`\`${name}\``, ...(yaml === undefined ? [] : [`\`${yaml}\``])].join('<br>')
    return tableRow(names, field.type, field.description)
  })
  return [tableRow('field, YAML key', 'kind', 'meaning'), '|---|---|---|', ...rows, ''].join('\n')
}

function withoutEffect(): string {
  const names = (effect: 'none-yet' | 'ignored'): string =>
    allOptions()
      .filter(option => option.effect === effect)
      .map(option => `\`${option.env}\``)
      .join(', ')
  return `## Options without effect

Accepted, checked and shown, but not built yet; the daemon warns at the start when one is set: ${names('none-yet')}.

Of no use here by nature, accepted so that Coder's environment files load: ${names('ignored')}.
`
}

function tableRow(...cells: readonly string[]): string {
  return `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
