import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { awsCredentials } from '../../src/egress/aws/credentials.ts'
import { createSign } from '../../src/egress/aws/sign.ts'
import { Secret } from '../../src/kernel/secret.ts'
import { AWS_KEYS, isSigned } from '../support/aws-signature.ts'
import { Recorded } from '../support/provider-exchange.ts'

const HEADERS = [
  'Host',
  'bedrock-runtime.eu-central-1.amazonaws.com',
  'Content-Type',
  'application/json',
  'X-Amzn-Bedrock-Trace',
  'ENABLED',
  'x-amz-meta-x',
  'a  b',
]

async function signed(
  path: string,
  body: string,
  secret = AWS_KEYS.secret,
): Promise<Parameters<typeof isSigned>[0]> {
  const keys = { id: new Secret(AWS_KEYS.id), secret: new Secret(secret) }
  const sign = createSign('bedrock', 'eu-central-1', awsCredentials(keys))
  const bodyHash = createHash('sha256').update(body).digest('hex')
  const rawHeaders = await sign({ method: 'POST', path, headers: HEADERS, bodyHash })
  const request = new Recorded()
  request.add(body)
  return { method: 'POST', path, rawHeaders, request }
}

describe('a signature for AWS', () => {
  for (const path of [
    '/model/m/invoke',
    '/model/eu.anthropic.claude-x-v1%3A0/invoke',
    '/model/arn%3Aaws%3Abedrock%3Aeu%3A1%3Aprofile%2Fx/invoke-with-response-stream',
    '/model/m/converse?b=2&a=%20x&a=1&empty=',
    '/a/b',
  ]) {
    it(`holds for ${path} by another implementation`, async () => {
      assert.ok(isSigned(await signed(path, '{"a":"ü"}')))
    })
  }

  it('does not hold for another secret, path, host or body', async () => {
    const good = await signed('/model/m/invoke', '{}')
    assert.ok(isSigned(good))
    const other = new Recorded()
    other.add('{ }')
    assert.ok(!isSigned(await signed('/model/m/invoke', '{}', 'another')))
    assert.ok(!isSigned({ ...good, path: '/model/n/invoke' }))
    assert.ok(!isSigned({ ...good, request: other }))
    const moved = good.rawHeaders.map(text => text.replace('eu-central-1.amazonaws', 'x.amazonaws'))
    assert.ok(!isSigned({ ...good, rawHeaders: moved }))
  })
})

describe('the default chain of the AWS SDKs', () => {
  const ALONE = {
    HOME: '/nonexistent',
    AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
    AWS_CONFIG_FILE: '/nonexistent',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const withEnvironment = async (env: Record<string, string>, act: () => Promise<void>) => {
    const before = { ...process.env }
    Object.assign(process.env, ALONE, env)
    try {
      await act()
    } finally {
      process.env = before
    }
  }

  it('is asked where there are no keys', async () => {
    const env = {
      AWS_ACCESS_KEY_ID: 'AKIACHAIN',
      AWS_SECRET_ACCESS_KEY: 's',
      AWS_SESSION_TOKEN: 'of-the-session',
    }
    await withEnvironment(env, async () => {
      const sign = createSign('bedrock', 'eu-central-1', awsCredentials(undefined))
      const headers = await sign({ method: 'GET', path: '/', headers: HEADERS, bodyHash: '0' })
      assert.ok(headers.includes('of-the-session'))
      assert.match(headers[headers.indexOf('authorization') + 1] ?? '', /Credential=AKIACHAIN\//)
    })
  })

  it('is a refusal of ours where it gives nothing', async () => {
    await withEnvironment({}, async () => {
      await assert.rejects(awsCredentials(undefined)(), { reason: 'provider_credentials' })
    })
  })
})
