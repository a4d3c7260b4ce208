/**
 * A server that is killed at random moments, again and again, while hosts write, flush and unmap in blocks of their own and
 * others change a reservation and mode pages that are to persist. After each start everything that was acknowledged as
 * durable must be there, and nothing may be torn that may not be.
 */

import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { createSparseFile } from '../disk-files.ts'
import { SeededRandom } from '../seeded-random.ts'
import { type ServerProcess, startServer } from '../server-process.ts'
import { temporaryDirectory } from '../temporary-directory.ts'
import { WireInitiator } from '../wire-initiator.ts'
import { clearUnitAttentions } from '../wire-scsi.ts'
import { ModePageChanger, ReservationChanger } from './setting-changers.ts'
import { HOST_BLOCKS, KINDS, WritingHost } from './writing-host.ts'

const HOSTS = 4
/** How long the server is up and used before it is killed. */
const UP_MS = { min: 30, max: 400 }
/** Of their own, because the hosts would run into a reservation, and be told of changed mode pages. */
const RESERVED_LUN = 1
const MODES_LUN = 2
const DISKS = ['disk.img', 'reserved.img', 'modes.img']
const DISK_BYTES = 2 ** 20

/** What one initiator does between two kills. */
interface Part {
  readonly check: (initiator: WireInitiator) => Promise<void>
  readonly work: (initiator: WireInitiator) => Promise<void>
}

/**
 * Kill the server `rounds` times. Gives how many commands of each kind were acknowledged.
 * Errors: rejects with what was lost or torn.
 */
export async function runPowerCuts(
  rounds: number,
  seed: number,
  roundDone: (round: number) => void = () => {},
): Promise<ReadonlyMap<string, number>> {
  using directory = temporaryDirectory()
  for (const name of DISKS) createSparseFile(directory.file(name), DISK_BYTES)
  const random = new SeededRandom(seed)
  const counts = new Map<string, number>()
  const parts = makeParts(random, (kind) => counts.set(kind, (counts.get(kind) ?? 0) + 1))
  for (let round = 0; round <= rounds; round++) {
    await using server = await startServer({ directory: directory.path, args: DISKS })
    const initiators: WireInitiator[] = []
    for (const index of parts.keys()) initiators.push(await logIn(server, index))
    for (const [index, { check }] of parts.entries()) await check(initiators[index]!)
    if (round < rounds) {
      const ends = parts.map(({ work }, index) => work(initiators[index]!).catch(expectCut))
      await sleep(random.integer(UP_MS.min, UP_MS.max))
      await server.kill()
      await Promise.all(ends)
      roundDone(round + 1)
    }
    for (const initiator of initiators) initiator.destroy()
  }
  return counts
}

/** Every kind of command that a run of some length acknowledges. */
export const EXPECTED_KINDS: ReadonlySet<string> = new Set([...KINDS, 'PERSISTENT RESERVE OUT', 'MODE SELECT'])

function makeParts(random: SeededRandom, acknowledged: (kind: string) => void): readonly Part[] {
  // Odd addresses, so that writes begin and end inside of pages.
  const hosts = Array.from(
    { length: HOSTS },
    (_, index) => new WritingHost(3 + index * HOST_BLOCKS, random, acknowledged),
  )
  const reservation = new ReservationChanger(RESERVED_LUN, random, acknowledged)
  const modePage = new ModePageChanger(MODES_LUN, random, acknowledged)
  return [
    ...hosts.map((host) => ({
      check: (initiator: WireInitiator) => host.check(initiator),
      work: (initiator: WireInitiator) => host.writeUntilCut(initiator),
    })),
    ...[reservation, modePage].map((changer) => ({
      check: (initiator: WireInitiator) => changer.check(initiator),
      work: (initiator: WireInitiator) => changer.changeUntilCut(initiator),
    })),
  ]
}

async function logIn(server: ServerProcess, index: number): Promise<WireInitiator> {
  const { host, port, targetName } = server
  const isid = Buffer.from([0, 0x02, 0x3d, 0, 0, index + 1])
  const initiator = await WireInitiator.connect({ host, port, targetName, isid })
  await initiator.login()
  for (const lun of DISKS.keys()) await clearUnitAttentions(initiator, lun)
  return initiator
}

/** The connection is gone; an answer that was no good is another matter. */
function expectCut(error: unknown): void {
  if (error instanceof assert.AssertionError) throw error
}
