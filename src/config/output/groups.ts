import type { Group, Option } from '../option.ts'
import { allOptions } from '../options.ts'

export interface GroupOfOptions {
  readonly group: Group
  readonly options: readonly Option<unknown>[]
}

/** The options that people should see, by group. */
export function shownGroups(): readonly GroupOfOptions[] {
  return byGroup(allOptions().filter(option => !option.hidden))
}

/** Options by group, in the order of the table. */
export function byGroup(options: readonly Option<unknown>[]): readonly GroupOfOptions[] {
  const groups = new Map<Group, Option<unknown>[]>()
  for (const option of options) {
    groups.set(option.group, [...(groups.get(option.group) ?? []), option])
  }
  return [...groups].map(([group, members]) => ({ group, options: members }))
}

/** A value to show in examples: the default, or a good one where there is none. */
export function exampleText(option: Option<unknown>): string {
  const value = option.defaultValue({ env: {}, home: '~' })
  const text = value === undefined ? '' : option.type.format(value)
  return text === option.defaultText ? text : option.example
}
