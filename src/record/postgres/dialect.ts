import type { Dialect } from '../work.ts'

export const POSTGRES_DIALECT: Dialect = {
  day: column => `to_char(to_timestamp(${column} / 1000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
  // As an array the index serves it; JSON and PostgreSQL differ in the brackets.
  among: (column, parameter) =>
    `${column} = ANY (CAST(translate(${parameter}, '[]', '{}') AS BIGINT[]))`,
  amongTexts: (column, parameter) =>
    `${column} IN (SELECT json_array_elements_text(CAST(${parameter} AS JSON)) COLLATE "C")`,
  distinct: column =>
    `CAST(json_agg(DISTINCT ${column}) FILTER (WHERE ${column} IS NOT NULL) AS TEXT)`,
  objects: column =>
    `CAST(json_agg(CAST(${column} AS JSON)) FILTER (WHERE ${column} <> '{}') AS TEXT)`,
  forUpdate: ' FOR UPDATE',
  // Files do not shrink when rows go, so it is the rows that are weighed: their
  // long texts as they are stored, and half a kilobyte for the rest.
  usedBytes: `SELECT
    (SELECT coalesce(sum(pg_column_size(prompt) + 512), 0) FROM user_prompts) +
    (SELECT coalesce(sum(pg_column_size(input) + 512), 0) FROM tool_usages) +
    (SELECT coalesce(sum(pg_column_size(content) + 512), 0) FROM model_thoughts) +
    512 * ((SELECT count(*) FROM interceptions) + (SELECT count(*) FROM token_usages) +
      (SELECT count(*) FROM connects)) AS bytes`,
}
