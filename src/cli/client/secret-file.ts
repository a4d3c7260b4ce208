/**
 * Secrets on their way to the server: read from a file or from standard input, never from the command line, and sent as
 * the API takes them.
 */

import { secretText } from '../../management/secret-text.ts'
import { loadChapSecret } from '../chap-secret.ts'

/** The words of every option that names one. */
export const SECRET_FILE_TEXT = 'a file with the secret on its only line, or - for standard input'

/** The secret as the API takes it. Errors: `Failure`, naming the option, the file and what is allowed. */
export function readSecret(option: string, path: string, warn: (sentence: string) => void): string {
  const { secret, warnings } = loadChapSecret(option, path)
  for (const warning of warnings) warn(warning)
  return secretText(secret)
}
