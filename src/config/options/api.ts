import { defineGroup, row } from '../option.ts'
import { listenAddress } from '../types/listen-address.ts'
import { bool } from '../types/scalar.ts'
import { baseUrl } from '../types/url.ts'

export const API = defineGroup(
  {
    name: 'API',
    description: 'The listener for the API, the dashboard and the base-URL routes.',
    prefix: '',
    yaml: ['networking'],
    json: [],
  },
  {
    accessUrl: row({
      name: 'Access URL',
      description:
        'The Coder deployment whose bridge and users are used when the bridge of this daemon is off.',
      flag: 'access-url',
      yaml: 'accessURL',
      json: ['access_url'],
      type: baseUrl('invalid coder access URL'),
      default: undefined,
      example: 'https://coder.example',
    }),
  },
)

export const HTTP = defineGroup(
  {
    name: 'HTTP',
    description: 'Where that listener is.',
    prefix: '',
    yaml: ['networking', 'http'],
    json: [],
  },
  {
    address: row({
      name: 'API listen address',
      description: 'Where the API listens. Without a host on all interfaces.',
      flag: 'http-address',
      yaml: 'httpAddress',
      yamlAliases: ['http_address'],
      json: ['http_address'],
      type: { ...listenAddress, json: value => listenAddress.format(value) },
      default: { host: '127.0.0.1', port: 8889 },
      example: ':8889',
    }),
  },
)

export const PROMETHEUS = defineGroup(
  {
    name: 'Prometheus',
    description: 'Metrics.',
    prefix: 'prometheus',
    yaml: ['introspection', 'prometheus'],
    json: ['prometheus'],
  },
  {
    enable: row({
      name: 'Metrics enabled',
      description: 'Serve metrics at `/metrics`.',
      flag: 'enable',
      type: bool,
      default: true,
      example: 'false',
    }),
    address: row({
      name: 'Metrics listen address',
      description: 'Serves the metrics on a listener of their own.',
      flag: 'address',
      type: listenAddress,
      default: undefined,
      defaultText: 'the API listener',
      example: '127.0.0.1:2112',
    }),
  },
)
