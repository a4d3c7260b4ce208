/**
 * The server is killed, twice, while it formats or sanitizes a disk. After each start the operation goes on by itself, its
 * progress is in the sense data, and nobody gets at the medium before all of it is erased.
 */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, it } from 'vitest'
import { createNoiseFile } from '../../support/disk-files.ts'
import { type ServerProcess, startServer } from '../../support/server-process.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { WireInitiator } from '../../support/wire-initiator.ts'
import {
  CHECK_CONDITION,
  execute,
  GOOD,
  inquiry,
  read10,
  reportLuns,
  type ScsiOutcome,
  type ScsiRequest,
  testUnitReady,
  write10,
} from '../../support/wire-scsi.ts'

const DISK_BYTES = 128 * 2 ** 20
const KILLS = 2
const NOT_READY = 0x02
const UNIT_ATTENTION = 0x06
const TIMEOUT_MS = 120_000
const POLL_MS = 50

interface Operation {
  readonly name: string
  readonly request: ScsiRequest
  /** What every command is refused with meanwhile: additional sense code and qualifier. */
  readonly inProgress: number
  /** What each byte is in the end. */
  readonly left: number
}

const OPERATIONS: readonly Operation[] = [
  {
    name: 'SANITIZE with two passes',
    // OVERWRITE with IMMED, INVERT and a pattern of one byte, whose complement the second pass leaves.
    request: {
      cdb: Buffer.from([0x48, 0x81, 0, 0, 0, 0, 0, 0, 5, 0]),
      writeData: Buffer.from([0x82, 0, 0, 1, 0x3c]),
    },
    inProgress: 0x041b,
    left: 0xc3,
  },
  {
    name: 'FORMAT UNIT with a pattern',
    // FMTDATA; FOV, IP and IMMED; an initialization pattern of one byte.
    request: {
      cdb: Buffer.from([0x04, 0x10, 0, 0, 0, 0]),
      writeData: Buffer.from([0, 0x8a, 0, 0, 0, 0x01, 0, 1, 0x5a]),
    },
    inProgress: 0x0404,
    left: 0x5a,
  },
]

/** PROGRESS INDICATION of fixed format sense data; -1 without one. */
function progressOf({ final }: ScsiOutcome): number {
  const sense = final.data.subarray(2)
  return (sense[15]! & 0x80) === 0 ? -1 : sense.readUInt16BE(16)
}

async function logIn({ host, port, targetName }: ServerProcess): Promise<WireInitiator> {
  const initiator = await WireInitiator.connect({ host, port, targetName })
  await initiator.login()
  return initiator
}

/** The answer to TEST UNIT READY behind all unit attentions. */
async function readiness(initiator: WireInitiator): Promise<ScsiOutcome> {
  for (;;) {
    const outcome = await execute(initiator, { cdb: testUnitReady() })
    if (outcome.sense?.key !== UNIT_ATTENTION) return outcome
  }
}

/** Whether the operation still runs; then every command is refused that could get at the medium, and few others are not. */
async function isRunning(initiator: WireInitiator, { inProgress, left }: Operation): Promise<boolean> {
  const ready = await readiness(initiator)
  if (ready.status === GOOD) return false
  assert.deepEqual(ready.sense, { key: NOT_READY, code: inProgress })
  assert.ok(progressOf(ready) >= 0, 'no progress indication')
  // None of them changes what is left, because the operation may end at any moment.
  const refused: readonly ScsiRequest[] = [
    { cdb: read10(0, 1), readBytes: 512 },
    { cdb: write10(0, 1), writeData: Buffer.alloc(512, left) },
    { cdb: Buffer.from([0x1b, 0, 0, 0, 0, 0]) },
  ]
  for (const request of refused) {
    const { status, sense } = await execute(initiator, request)
    if (status === GOOD) return false
    assert.deepEqual([status, sense], [CHECK_CONDITION, { key: NOT_READY, code: inProgress }])
  }
  for (const cdb of [inquiry(96), reportLuns(16)]) {
    assert.equal((await execute(initiator, { cdb, readBytes: 96 })).status, GOOD)
  }
  return true
}

describe.each(OPERATIONS)('$name', (operation) => {
  it(
    'goes on after each kill, and ends with every byte erased',
    async () => {
      using directory = temporaryDirectory()
      createNoiseFile(directory.file('disk.img'), DISK_BYTES, 1)
      let interruptions = 0
      for (let round = 0; round <= KILLS; round++) {
        await using server = await startServer({ directory: directory.path, args: ['disk.img'] })
        const initiator = await logIn(server)
        if (round === 0) {
          await readiness(initiator)
          assert.equal((await execute(initiator, operation.request)).status, GOOD)
        }
        if (await isRunning(initiator, operation)) interruptions++
        if (round < KILLS) await server.kill()
        else while ((await readiness(initiator)).status !== GOOD) await sleep(POLL_MS)
        initiator.destroy()
      }
      assert.ok(interruptions > 1, 'it was never killed while it ran')
      const left = readFileSync(directory.file('disk.img'))
      assert.ok(left.equals(Buffer.alloc(DISK_BYTES, operation.left)), 'not every byte is erased')
    },
    TIMEOUT_MS,
  )
})
