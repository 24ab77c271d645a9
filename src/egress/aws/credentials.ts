import { Refusal } from '../../kernel/error.ts'
import type { AwsKeys } from '../../kernel/provider.ts'

/** Gives credentials that are good for now. */
export type AwsCredentials = () => Promise<{
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}>

/**
 * Static keys, or the default chain of the AWS SDKs: environment, shared files,
 * web identity, SSO, container and instance metadata. Credentials are kept until
 * shortly before they expire. Rejects with Refusal `provider_credentials`.
 *
 * SECURITY: the chain makes connections of its own, to STS, SSO and metadata
 * addresses. The operator asked for it by configuring Bedrock without keys; no
 * byte of a client's goes into them, and nothing of them goes to a client.
 */
export function awsCredentials(keys: AwsKeys | undefined): AwsCredentials {
  if (keys !== undefined) {
    const { id, secret } = keys
    return async () => ({ accessKeyId: id.reveal(), secretAccessKey: secret.reveal() })
  }
  let chain: AwsCredentials | undefined
  return async () => {
    try {
      chain ??= await loadChain()
      return await chain()
    } catch (error) {
      throw new Refusal('provider_credentials', undefined, { cause: error })
    }
  }
}

/** Loaded when it is first needed: it is larger than the rest of the daemon. */
async function loadChain(): Promise<AwsCredentials> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider()
}
