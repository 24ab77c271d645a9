/** One field of a provider: the last part of its variable, and its YAML key. */
export interface ProviderField {
  readonly description: string
  readonly type: string
  readonly secret: boolean
}

const field = (type: string, description: string): ProviderField => ({
  description,
  type,
  secret: false,
})
const secret = (type: string, description: string): ProviderField => ({
  ...field(type, description),
  secret: true,
})

/** Every field that a provider may have, by the KEY of its variable. */
export const PROVIDER_FIELDS = {
  TYPE: field('provider type', 'What kind of provider it is. Required.'),
  NAME: field(
    'string',
    'Name of the instance and its segment in URLs: lower case, digits and hyphens. Default: the type.',
  ),
  KEY: secret('secret', 'Central key. Without one, clients bring their own.'),
  KEYS: secret(
    'secret list',
    'Up to five central keys, instead of KEY: when one is refused or rate-limited the next takes over.',
  ),
  KEY_FILE: field('file path', 'File that holds the central key, instead of KEY.'),
  BASE_URL: field('URL', 'Where calls go. Default: as the type has it.'),
  HOSTS: field(
    'host list',
    "Hosts that are intercepted for it, instead of the type's own hosts (first provider of a type only) and the host of the base URL.",
  ),
  CA_FILE: field('file path', "PEM file of extra roots for the provider's certificate."),
  ALLOW_INSECURE_HTTP: field('bool', 'Accepts an `http://` base URL beyond loopback.'),
  BEDROCK_BASE_URL: field('URL', 'Base URL of Amazon Bedrock; beats the region.'),
  BEDROCK_REGION: field('string', 'AWS region.'),
  BEDROCK_ACCESS_KEY: secret('secret', 'AWS access key id.'),
  BEDROCK_ACCESS_KEYS: secret('secret', 'Up to five AWS access key ids.'),
  BEDROCK_ACCESS_KEY_SECRET: secret('secret', 'AWS secret access key.'),
  BEDROCK_ACCESS_KEY_SECRETS: secret('secret', 'As many secret access keys.'),
  BEDROCK_MODEL: field('string', "Replaces the client's model."),
  BEDROCK_SMALL_FAST_MODEL: field('string', 'Replaces models whose name contains `haiku`.'),
} as const satisfies Readonly<Record<string, ProviderField>>

export type FieldName = keyof typeof PROVIDER_FIELDS

export const FIELD_NAMES = Object.keys(PROVIDER_FIELDS).filter(isFieldName)

export function isFieldName(name: string): name is FieldName {
  return Object.hasOwn(PROVIDER_FIELDS, name)
}

/** The YAML key of a field; secrets have none. */
export function yamlFieldName(name: FieldName): string | undefined {
  return PROVIDER_FIELDS[name].secret ? undefined : name.toLowerCase()
}
