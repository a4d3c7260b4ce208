/**
 * How stores make a `BackingError`. The system's error codes become the store's kinds here and nowhere else; the
 * message keeps the code, so that a log tells EIO from ESTALE although both are `io` towards the initiator.
 */

import type { BackingError, BackingErrorKind } from './backing-store.ts'

/** Codes of a failed write that mean something else than a broken medium. Everything else is `io`. */
const KIND_BY_WRITE_CODE: Readonly<Record<string, BackingErrorKind>> = {
  ENOSPC: 'noSpace',
  EDQUOT: 'noSpace',
  EROFS: 'readOnly',
  EPERM: 'readOnly',
}

/** An error of the store's own finding, without a system call behind it. `message` is for people. */
export function backingError(kind: BackingErrorKind, message: string): BackingError {
  return { kind, message }
}

/** The answer to every operation after `close`. */
export function closedError(operation: string): BackingError {
  return backingError('closed', `${operation}: the store is closed`)
}

/** The answer of a read-only store to everything that changes bytes. */
export function readOnlyError(operation: string): BackingError {
  return backingError('readOnly', `${operation}: the store was opened read-only`)
}

/**
 * A failed system call as a backing error. `place` says where, for people: the path, the range.
 * Only writes run out of space or hit a write protection; the same codes from a read or a sync are `io`.
 */
export function systemError(
  operation: 'read' | 'write' | 'sync' | 'close',
  place: string,
  cause: unknown,
): BackingError {
  const code = systemCode(cause)
  const kind = operation === 'write' ? (KIND_BY_WRITE_CODE[code] ?? 'io') : 'io'
  return backingError(kind, `${operation} ${place}: ${code === '' ? String(cause) : code}`)
}

/** The file system cannot do this at all. */
export function isUnsupported(cause: unknown): boolean {
  const code = systemCode(cause)
  return code === 'EOPNOTSUPP' || code === 'ENOSYS' || code === 'ENODEV'
}

/** The call did nothing, through no fault of the file: ask again. */
export function isTransient(cause: unknown): boolean {
  const code = systemCode(cause)
  return code === 'EINTR' || code === 'EAGAIN'
}

/** The system's code of an exception, `ENOSPC` say, or an empty string when it has none. */
export function systemCode(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
}
