/**
 * What the API says when it refuses: problem details (RFC 9457) as `application/problem+json`. An error of the object model
 * carries its HRESULT and gets the HTTP status of the table here; whatever is our own bug is told without its details,
 * which go to the log.
 */

import { STATUS_CODES } from 'node:http'
import { formatHResult, type HResultName, type VdsError } from '../management/hresult.ts'

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** One thing wrong with a request. */
export interface FieldProblem {
  /** Where: `body`, `query` or `path`, and from there the way to the value, e.g. `body/mask/networks/0`. */
  readonly field: string
  readonly problem: string
  /** What would be right; null where the problem says it. */
  readonly allowed: string | null
}

/** A refusal that names its HTTP status. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly status: number
  readonly fields: readonly FieldProblem[]
  readonly headers: Readonly<Record<string, string>>

  /** `detail` is a sentence for whoever called. */
  constructor(
    status: number,
    detail: string,
    more: { readonly fields?: readonly FieldProblem[]; readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail)
    this.status = status
    this.fields = more.fields ?? []
    this.headers = more.headers ?? {}
  }
}

/** The body of a refusal. */
export interface ProblemDetails {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** The path that was asked for. */
  readonly instance: string
  /** E.g. `0x80042405`, and its name; only of errors of the object model. */
  readonly hresult?: string
  readonly name?: string
  readonly fields?: readonly FieldProblem[]
}

/**
 * HTTP statuses of the HRESULTs that callers cause or can wait for; any other is 500. What clashes with how things are is
 * a conflict, what ends by itself is unavailable for now.
 */
const STATUS_OF_HRESULT: Partial<Readonly<Record<HResultName, number>>> = {
  E_INVALIDARG: 400,
  VDS_E_INVALID_SHRINK_SIZE: 400,
  VDS_E_ACCESS_DENIED: 403,
  VDS_E_OPERATION_DENIED: 403,
  VDS_E_ISCSI_SESSION_NOT_FOUND: 404,
  VDS_E_NO_IMPORT_TARGET: 404,
  VDS_E_OBJECT_NOT_FOUND: 404,
  VDS_E_ASSOCIATED_LUNS_EXIST: 409,
  VDS_E_ASSOCIATED_PORTALS_EXIST: 409,
  VDS_E_CANCEL_TOO_LATE: 409,
  VDS_E_CONFIG_LIMIT: 409,
  VDS_E_DEVICE_IN_USE: 409,
  VDS_E_INVALID_STATE: 409,
  VDS_E_LUN_NOT_READY: 409,
  VDS_E_LUN_OFFLINE: 409,
  VDS_E_NAME_NOT_UNIQUE: 409,
  VDS_E_OBJECT_EXISTS: 409,
  VDS_E_OBJECT_OUT_OF_SYNC: 409,
  VDS_E_OBJECT_STATUS_FAILED: 409,
  VDS_E_OPERATION_CANCELED: 409,
  VDS_E_SHRINK_OVER_DATA: 409,
  VDS_E_OBJECT_DELETED: 410,
  VDS_E_INVALID_OPERATION: 422,
  VDS_E_NOT_SUPPORTED: 422,
  VDS_E_ANOTHER_CALL_IN_PROGRESS: 503,
  VDS_E_INITIALIZE_NOT_CALLED: 503,
  VDS_E_PROVIDER_CACHE_CORRUPT: 503,
  VDS_E_PROVIDER_EXITING: 503,
  VDS_E_TIMEOUT: 504,
  VDS_E_NOT_ENOUGH_DRIVE: 507,
  VDS_E_NOT_ENOUGH_SPACE: 507,
}

/** The next try may well succeed. */
const RETRY_SOON: ReadonlySet<HResultName> = new Set(['VDS_E_ANOTHER_CALL_IN_PROGRESS'])
const RETRY_AFTER_S = '1'

export interface Refusal {
  readonly headers: Readonly<Record<string, string>>
  readonly details: ProblemDetails
}

export function refusalOf(problem: HttpProblem, instance: string): Refusal {
  const { status, fields, headers, message: detail } = problem
  const basic = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, instance }
  return { headers, details: fields.length === 0 ? basic : { ...basic, fields } }
}

export function refusalOfHresult({ code, name, message: detail }: VdsError, instance: string): Refusal {
  const status = httpStatusOf(name)
  return {
    headers: RETRY_SOON.has(name) ? { 'retry-after': RETRY_AFTER_S } : {},
    details: {
      type: `urn:lunette:hresult:${name}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      instance,
      hresult: formatHResult(code),
      name,
    },
  }
}

export function httpStatusOf(hresultName: HResultName): number {
  return STATUS_OF_HRESULT[hresultName] ?? 500
}
