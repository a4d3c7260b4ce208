/** `lunette events` and `lunette backup`: what comes from the server as a stream. */

import { createWriteStream, existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { causeOf, Failure, systemErrorCode } from '../../failure.ts'
import { readEvents } from '../client/event-stream.ts'
import { printable } from '../output.ts'
import type { Verb } from './noun.ts'

/** Ends with the server. */
export const EVENTS: Verb = {
  usage: 'events',
  summary: 'print what changes, as it does',
  async run({ api, output, write }) {
    for await (const { id, type, data } of readEvents(await api.stream('GET', '/events'))) {
      write(output.isJson ? `${data}\n` : `${printable([id, type, data].filter((word) => word !== '').join(' '))}\n`)
    }
  },
}

export const BACKUP: Verb = {
  usage: 'backup <FILE>',
  summary:
    "save the server's configuration as it is at this moment, without the disks' contents and the key of the secrets",
  async run({ api, output }, [file = '']) {
    if (existsSync(file)) throw new Failure(`${file} exists: name a file that does not`)
    const part = `${file}.part`
    const bytes = await api.stream('POST', '/backup')
    try {
      await pipeline(Readable.from(bytes), createWriteStream(part, { flags: 'wx', mode: 0o600, flush: true }))
      await rename(part, file)
    } catch (error) {
      if (systemErrorCode(error) !== 'EEXIST') await rm(part, { force: true })
      throw new Failure(`cannot write ${file}: ${causeOf(error)}`, { cause: error })
    }
    output.done(`the configuration is saved in ${file}`)
  },
}
