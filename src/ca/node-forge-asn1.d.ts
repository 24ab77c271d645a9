/**
 * The one part of node-forge that is used: loading all of it costs 50 ms more
 * at start. Strings hold one byte a character; classes and types are X.690's.
 */
declare module 'node-forge/lib/asn1.js' {
  export interface Asn1 {
    readonly tagClass: number
    readonly type: number
    readonly constructed: boolean
    readonly composed: boolean
    readonly value: string | Asn1[]
  }

  interface Bytes {
    getBytes(): string
  }

  const asn1: {
    create(tagClass: number, type: number, constructed: boolean, value: string | Asn1[]): Asn1
    toDer(element: Asn1): Bytes
    oidToDer(dotted: string): Bytes
    integerToDer(value: number): Bytes
    dateToUtcTime(date: Date): string
    dateToGeneralizedTime(date: Date): string
  }
  export default asn1
}
