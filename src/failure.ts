/**
 * The two ways in which a command ends badly for a reason that is not our bug, and the exit codes that scripts see.
 * The rule between them: what the words of the command line alone show to be wrong is a usage error; what only the
 * files, the network or the system show is a failure. Both messages are one sentence for the person who typed.
 */

export const EXIT_CODE = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** No server answers where one was looked for. */
  unreachable: 3,
  notFound: 4,
  /** The server understood and refused: a conflict, a limit, what it does not support, a job that failed. */
  refused: 5,
  /** The token is not known, or its role does not suffice. */
  forbidden: 6,
  /** `plan --check` found what `apply` would change. */
  differs: 7,
  interrupted: 130,
  terminated: 143,
} as const

/** The command line is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The command line is right, but this cannot be done here and now. */
export class Failure extends Error {
  override readonly name = 'Failure'
  exitCode: number = EXIT_CODE.failure
}

/** The system's error code (`ENOENT`, `EADDRINUSE`), or undefined for other errors. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const CAUSES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'the system does not permit it',
  ENOENT: 'no such file or directory',
  ENOTDIR: 'a part of the path is not a directory',
  EISDIR: 'it is a directory',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the file system',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file system cannot hold a file that large',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EMFILE: 'too many files are open',
  EIO: 'the disk reports an input/output error',
}

/** Why the system refused, in plain words where the code is a common one. */
export function causeOf(error: unknown): string {
  const cause = CAUSES[systemErrorCode(error) ?? '']
  if (cause !== undefined) return cause
  return error instanceof Error ? error.message : String(error)
}
