import { defineGroup, row, type ValueType } from '../option.ts'
import { BEDROCK_MODEL, BEDROCK_SMALL_FAST_MODEL } from '../providers/bedrock-models.ts'
import { secret, string } from '../types/scalar.ts'
import { type BaseUrl, baseUrl } from '../types/url.ts'
import { BRIDGE_GROUP } from './bridge-group.ts'

const BASE_URL = baseUrl('invalid base URL')

/** The variables from before there were indexed providers. */
export const LEGACY_PROVIDERS = defineGroup(
  {
    ...BRIDGE_GROUP,
    name: 'Single providers',
    description: 'One OpenAI and one Anthropic provider, in the form that came before the list.',
  },
  {
    openaiBaseUrl: row({
      name: 'OpenAI base URL',
      description: 'Base URL of the provider `openai`, with its `/v1`.',
      flag: 'openai-base-url',
      json: ['openai', 'base_url'],
      type: withDefault('https://api.openai.com/v1/'),
      default: undefined,
      defaultText: 'https://api.openai.com/v1/',
      restart: false,
      example: 'https://gateway.example/openai/v1/',
    }),
    openaiKey: row({
      name: 'OpenAI key',
      description: 'Central key of the provider `openai`.',
      flag: 'openai-key',
      json: ['openai', 'key'],
      yaml: false,
      type: secret,
      default: undefined,
      secret: true,
      restart: false,
      example: 'sk-example',
    }),
    anthropicBaseUrl: row({
      name: 'Anthropic base URL',
      description: 'Base URL of the provider `anthropic`, without `/v1`.',
      flag: 'anthropic-base-url',
      json: ['anthropic', 'base_url'],
      type: withDefault('https://api.anthropic.com/'),
      default: undefined,
      defaultText: 'https://api.anthropic.com/',
      restart: false,
      example: 'https://gateway.example/anthropic/',
    }),
    anthropicKey: row({
      name: 'Anthropic key',
      description: 'Central key of the provider `anthropic`.',
      flag: 'anthropic-key',
      json: ['anthropic', 'key'],
      yaml: false,
      type: secret,
      default: undefined,
      secret: true,
      restart: false,
      example: 'sk-ant-example',
    }),
    bedrockBaseUrl: row({
      name: 'Bedrock base URL',
      description: 'Base URL of Amazon Bedrock; beats the region.',
      flag: 'bedrock-base-url',
      json: ['bedrock', 'base_url'],
      type: BASE_URL,
      default: undefined,
      restart: false,
      example: 'https://bedrock.gateway.example',
    }),
    bedrockRegion: row({
      name: 'Bedrock region',
      description: 'AWS region of Amazon Bedrock.',
      flag: 'bedrock-region',
      json: ['bedrock', 'region'],
      type: string,
      default: undefined,
      restart: false,
      example: 'eu-central-1',
    }),
    bedrockAccessKey: row({
      name: 'Bedrock access key',
      description: 'AWS access key id.',
      flag: 'bedrock-access-key',
      json: ['bedrock', 'access_key'],
      yaml: false,
      type: secret,
      default: undefined,
      secret: true,
      restart: false,
      example: 'AKIAEXAMPLE',
    }),
    bedrockAccessKeySecret: row({
      name: 'Bedrock access key secret',
      description: 'AWS secret access key.',
      flag: 'bedrock-access-key-secret',
      json: ['bedrock', 'access_key_secret'],
      yaml: false,
      type: secret,
      default: undefined,
      secret: true,
      restart: false,
      example: 'example',
    }),
    bedrockModel: row({
      name: 'Bedrock model',
      description: "Replaces the client's model on Bedrock.",
      flag: 'bedrock-model',
      json: ['bedrock', 'model'],
      type: string,
      default: BEDROCK_MODEL,
      restart: false,
      example: 'eu.anthropic.claude-sonnet-4-5-20250929-v1:0',
    }),
    bedrockSmallFastModel: row({
      name: 'Bedrock small model',
      description: 'Replaces models whose name contains `haiku` on Bedrock.',
      flag: 'bedrock-small-fast-model',
      flagAliases: ['ai-gateway-bedrock-small-fastmodel'],
      json: ['bedrock', 'small_fast_model'],
      type: string,
      default: BEDROCK_SMALL_FAST_MODEL,
      restart: false,
      example: 'eu.anthropic.claude-haiku-4-5-20251001-v1:0',
    }),
  },
)

/** Unset means that there is no such provider; the API shows the type's URL. */
function withDefault(text: string): ValueType<BaseUrl> {
  return { ...BASE_URL, json: value => value?.text ?? text }
}
