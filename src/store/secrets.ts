/**
 * CHAP secrets at rest: sealed with AES-256-GCM under a key that lies beside the database in a file of its own, so that who
 * gets the database alone, as in a backup, has no secret. Each is sealed for the place where it stands and opens nowhere else.
 *
 * Invariants: the key file is made before the first secret is stored, and durable before it; it is only ever read by its owner
 * alone; a file that is missing or wrong stops the start and changes nothing, so that putting the right one back is all that
 * is needed.
 */

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { closeSync, fstatSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { causeOf, Failure, systemErrorCode } from '../failure.ts'
import { syncDirectory } from './database.ts'

export const KEY_FILE_NAME = 'secrets.key'

const ALGORITHM = 'aes-256-gcm'
const KEY_BYTES = 32
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** The first byte of a sealed secret: how the rest is to be read. */
const SEAL_VERSION = 1
const CHECK_PLACE = 'check'
const CHECK_TEXT = Buffer.from('lunette')

export class Secrets {
  readonly #database: DatabaseSync
  readonly #keyPath: string
  #key: Buffer | null = null

  constructor(database: DatabaseSync, dataDirectory: string) {
    this.#database = database
    this.#keyPath = join(dataDirectory, KEY_FILE_NAME)
  }

  /** Make sure that what is stored can be opened. Errors: `Failure` with the way out. */
  verify(): void {
    const check = this.#check()
    if (check === null) return
    const key = this.#readKey()
    if (key === null) {
      throw new Failure(
        `${this.#keyPath} is missing, and the secrets in the store need it: put it back from its backup`,
      )
    }
    if (!CHECK_TEXT.equals(unseal(key, check, CHECK_PLACE) ?? Buffer.alloc(0))) {
      throw new Failure(
        `${this.#keyPath} is not the key of the secrets in the store: put the right one back from its backup`,
      )
    }
    this.#key = key
  }

  /** Within the transaction that stores it, which for the first secret stores a check of the key too. */
  seal(secret: Buffer, place: string): Buffer {
    return seal(this.#keyForSealing(), secret, place)
  }

  /** Errors: `Failure` when it was damaged, or sealed for another place. */
  open(sealed: Buffer, place: string): Buffer {
    if (this.#key === null) this.verify()
    const secret = this.#key === null ? null : unseal(this.#key, sealed, place)
    if (secret === null) throw new Failure(`the secret of ${place} in the store is damaged: restore it from a backup`)
    return secret
  }

  #keyForSealing(): Buffer {
    if (this.#check() !== null) {
      if (this.#key === null) this.verify()
      return this.#key!
    }
    // A key without a check is from a first secret whose transaction did not come to its end.
    this.#key = this.#readKey() ?? this.#makeKey()
    this.#database
      .prepare('INSERT INTO secrets_key (id, check_text) VALUES (1, ?)')
      .run(seal(this.#key, CHECK_TEXT, CHECK_PLACE))
    return this.#key
  }

  #check(): Buffer | null {
    const row = this.#database.prepare('SELECT check_text FROM secrets_key WHERE id = 1').get()
    return row === undefined ? null : Buffer.from(row.check_text as Uint8Array)
  }

  /** Null when there is no such file. */
  #readKey(): Buffer | null {
    let text: string
    let mode: number
    try {
      const fd = openSync(this.#keyPath, 'r')
      try {
        mode = fstatSync(fd).mode
        text = readFileSync(fd, 'latin1').trimEnd()
      } finally {
        closeSync(fd)
      }
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return null
      throw new Failure(`cannot read ${this.#keyPath}: ${causeOf(error)}`, { cause: error })
    }
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new Failure(`other users of this machine can read ${this.#keyPath}: run chmod 600 on it`)
    }
    if (!/^[0-9a-f]{64}$/.test(text)) {
      throw new Failure(
        `${this.#keyPath} holds no key, which is ${2 * KEY_BYTES} hex digits: put it back from its backup`,
      )
    }
    return Buffer.from(text, 'hex')
  }

  /** Complete under its name or not there at all. */
  #makeKey(): Buffer {
    const key = randomBytes(KEY_BYTES)
    const unfinishedPath = `${this.#keyPath}.new`
    try {
      rmSync(unfinishedPath, { force: true })
      const fd = openSync(unfinishedPath, 'wx', 0o600)
      try {
        writeSync(fd, `${key.toString('hex')}\n`)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      linkSync(unfinishedPath, this.#keyPath)
      rmSync(unfinishedPath)
      syncDirectory(dirname(this.#keyPath))
    } catch (error) {
      throw new Failure(`cannot create ${this.#keyPath}: ${causeOf(error)}`, { cause: error })
    }
    return key
  }
}

function seal(key: Buffer, secret: Buffer, place: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(Buffer.from(place))
  const encrypted = [cipher.update(secret), cipher.final()]
  return Buffer.concat([Buffer.of(SEAL_VERSION), nonce, cipher.getAuthTag(), ...encrypted])
}

/** Null when it was not sealed so. */
function unseal(key: Buffer, sealed: Buffer, place: string): Buffer | null {
  if (sealed.length < 1 + NONCE_BYTES + TAG_BYTES || sealed[0] !== SEAL_VERSION) return null
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const tag = sealed.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES)
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(place)).setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(sealed.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()])
  } catch {
    return null
  }
}

/** Where secrets stand: what one is sealed for. */
export const SECRET_PLACE = {
  discoveryUser: (user: string) => `discovery user ${user}`,
  shared: (targetId: string) => `target ${targetId}`,
  chapUser: (targetId: string, user: string) => `target ${targetId} user ${user}`,
  remembered: (targetId: string, initiatorName: string) => `target ${targetId} remembered ${initiatorName}`,
} as const
