/** `lunette restore`: a backup in the place of the store of a server that is not running. Speaks to no server. */

import type { Command } from 'commander'
import { DATA_DIRECTORY_DEFAULT } from './client/server-location.ts'
import type { NounEnvironment } from './nouns/noun.ts'
import { printable } from './output.ts'

export function addRestore(program: Command, { writeOut }: NounEnvironment): void {
  program
    .command('restore <FILE>')
    .summary('put a backup in the place of what a stopped server has')
    .description(
      'Put a backup in the place of what a stopped server has. The disks stay as they are; the key of the secrets, ' +
        'secrets.key in the data directory, has to be the one of the backup. What was there before is kept beside it.',
    )
    .helpOption('--help', 'print this help')
    .option('--data <DIR>', "the server's data directory", DATA_DIRECTORY_DEFAULT)
    .action(async (file: string, { data }: { readonly data: string }) => {
      const { restoreBackup } = await import('../store/restore.ts')
      const replaced = restoreBackup(data, file)
      const kept = replaced === null ? '' : `; what was there before is ${replaced}`
      writeOut(`${printable(`${data} holds the backup ${file}${kept}`)}\n`)
    })
}
