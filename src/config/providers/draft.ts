import type { AwsKeys } from '../../kernel/provider.ts'
import type { Secret } from '../../kernel/secret.ts'
import type { Found } from '../yaml-file.ts'
import type { FieldName } from './fields.ts'

/** A provider as it was written down, not yet judged. */
export interface ProviderDraft {
  /** What messages call it: `provider 0`, `legacy provider`. */
  readonly label: string
  readonly kind: 'legacy' | 'indexed' | 'default'
  readonly fields: ReadonlyMap<FieldName, Found>
  /** A key that has been parsed already. */
  readonly key: Secret | undefined
  /** AWS keys that have been parsed already. */
  readonly awsKeys?: AwsKeys | undefined
  /** Where it was configured, for people. */
  readonly from: string
}
