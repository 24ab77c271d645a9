import type { Group, Option } from '../option.ts'
import { allOptions } from '../options.ts'

export interface GroupOfOptions {
  readonly group: Group
  readonly options: readonly Option<unknown>[]
}

/** The options that people should see, by group, in the order of the table. */
export function optionGroups(): readonly GroupOfOptions[] {
  const groups = new Map<Group, Option<unknown>[]>()
  for (const option of allOptions()) {
    if (option.hidden) continue
    groups.set(option.group, [...(groups.get(option.group) ?? []), option])
  }
  return [...groups].map(([group, options]) => ({ group, options }))
}

/** A value to show in examples: the default, or a good one where there is none. */
export function exampleText(option: Option<unknown>): string {
  const value = option.defaultValue({ env: {}, home: '~' })
  const text = value === undefined ? '' : option.type.format(value)
  return text === option.defaultText ? text : option.example
}
