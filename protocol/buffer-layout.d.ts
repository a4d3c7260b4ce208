/** The part of buffer-layout that we declare PDU headers with; the package publishes no types of its own. */
declare module 'buffer-layout' {
  export class Layout<T = unknown> {
    readonly span: number
    readonly property: string | undefined
    decode(buffer: Buffer, offset?: number): T
    encode(source: T, buffer: Buffer, offset?: number): number
  }
  export class Structure<T = Record<string, unknown>> extends Layout<T> {
    readonly fields: readonly Layout[]
    offsetOf(property: string): number | undefined
  }
  export function u8(property: string): Layout<number>
  export function u16be(property: string): Layout<number>
  export function u24be(property: string): Layout<number>
  export function u32be(property: string): Layout<number>
  export function blob(length: number, property: string): Layout<Buffer>
  export function struct<T>(fields: readonly Layout[], property?: string): Structure<T>
}
