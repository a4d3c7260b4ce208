/**
 * HRESULTs as VDS uses them: bit 31 alone tells failure from success. A failure is thrown as `VdsError`; a success that has
 * something to say (VDS_S_ALREADY_EXISTS, say) is a result.
 */

import { HRESULTS, type HResultName } from './hresult-codes.ts'

export { HRESULTS, type HResultName } from './hresult-codes.ts'

/** The names of successes: results, never thrown. */
export type SuccessName = Extract<HResultName, 'S_OK' | 'S_FALSE' | `VDS_S_${string}`>

const SEVERITY_ERROR = 0x8000_0000

const NAMES: ReadonlyMap<number, HResultName> = new Map(
  (Object.entries(HRESULTS) as [HResultName, number][]).map(([name, code]) => [code, name]),
)

/** Whether this HRESULT is a success; of VDS_S_GPT_BOOT_MIRRORED_TO_MBR, too, the number decides and not the name. */
export function succeeded(code: number): boolean {
  return (code & SEVERITY_ERROR) === 0
}

/** The name of an HRESULT; null when neither VDS nor this table has one. */
export function hresultName(code: number): HResultName | null {
  return NAMES.get(code) ?? null
}

/** `0x80042405`, as documents write it. */
export function formatHResult(code: number): string {
  return `0x${code.toString(16).toUpperCase().padStart(8, '0')}`
}

/** A method of the object model failed. `message` is a sentence for the administrator. */
export class VdsError extends Error {
  override readonly name: HResultName
  /** Unsigned 32 bits. */
  readonly code: number
  /** The method as callers know it, such as `IscsiTarget.delete`; empty until the failure has left the operations. */
  readonly method: string

  constructor(name: HResultName, message: string, { method = '', ...options }: VdsErrorOptions = {}) {
    super(message, options)
    this.name = name
    this.code = HRESULTS[name]
    this.method = method
  }

  /** The same failure, as one of `method`. */
  of(method: string): VdsError {
    return this.method === '' ? new VdsError(this.name, this.message, { method, cause: this.cause }) : this
  }
}

interface VdsErrorOptions extends ErrorOptions {
  readonly method?: string
}
