/**
 * JSON escapes C0 controls only. These would still break a line or steer a
 * terminal in whatever shows the log: DEL and C1 (CSI is one of them), the
 * Unicode line separators, and the marks that reverse the direction of text.
 */
const UNSAFE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Valid in JSON only where it stands inside a string, and nowhere else can they stand. */
export function escapeUnsafe(json: string): string {
  return json.replace(UNSAFE, mark => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
