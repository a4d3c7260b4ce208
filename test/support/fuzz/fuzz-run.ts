/**
 * Hostile initiators and an honest one on the same node, for as many PDUs as wanted. After every hostile PDU nothing has
 * gone wrong inside, and the honest session still writes and reads its disk as if it were alone; at the end everything
 * is back where it came from.
 */

import assert from 'node:assert/strict'
import { LogicalUnit } from '../../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../../scsi/target.ts'
import { Bridge } from '../../../src/bridge.ts'
import { type ConnectionHarness, NodeHarness, TARGET_NAME } from '../connection-harness.ts'
import { TEST_IDENTITY } from '../scsi-initiator.ts'
import { SeededRandom } from '../seeded-random.ts'
import { BLOCK_BYTES, SimulatedDisk } from '../simulated-disk.ts'
import { OPCODE, type TargetPdu } from '../wire-pdu.ts'
import { FuzzPeer, HOSTILE_TARGET } from './fuzz-peer.ts'

const HOSTILE_PEERS_MAX = 6
const BLOCKS = 4096
/** One honest write and read for so many hostile PDUs. */
const HONEST_PERIOD = 40
const GOOD = 0
const STATUS_BIT = 0x01
const READ_10 = 0x28
const WRITE_10 = 0x2a
const PREFERENCES = {
  errorRecoveryLevel: 2,
  maxConnections: 4,
  taskReporting: 'FastAbort',
  iSCSIProtocolLevel: 2,
} as const
const SETTLING_ROUNDS = 50
const A_DAY_MS = 86_400_000
const LIMITS = { commandWindow: 16, outboundBytesMax: 65_536, inboundBytesMax: 65_536, idleTasksMax: 4 }

export class FuzzRun {
  readonly #random: SeededRandom
  readonly #node: NodeHarness
  readonly #disks: readonly SimulatedDisk[]
  readonly #internalErrors: unknown[] = []
  readonly #peers: FuzzPeer[] = []
  readonly #honest: ConnectionHarness
  readonly #honestBytes = Buffer.alloc(BLOCKS * BLOCK_BYTES)
  #honestTag = 1
  #honestStatSN = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const targetOf = (disk: SimulatedDisk) =>
      new ScsiTarget({
        logicalUnits: new Map([
          [0, new LogicalUnit({ identity: TEST_IDENTITY, blockLengthBytes: BLOCK_BYTES, isReadOnly: false }, disk)],
        ]),
        onInternalError: (error) => this.#internalErrors.push(error),
      })
    this.#disks = [0, 1].map(() => new SimulatedDisk(BLOCKS * BLOCK_BYTES, this.#random))
    const [honestDisk, hostileDisk] = this.#disks as [SimulatedDisk, SimulatedDisk]
    hostileDisk.faultiness = 0.02
    const targets = new Map([
      [TARGET_NAME, targetOf(honestDisk)],
      [HOSTILE_TARGET, targetOf(hostileDisk)],
    ])
    const quiet = () => {}
    this.#node = new NodeHarness(LIMITS, new Bridge(targets), PREFERENCES, {
      directory: {
        findTarget: (name) =>
          targets.has(name) ? { kind: 'found', target: { name, alias: '' }, portalGroupTag: 1 } : { kind: 'notFound' },
        discoveryPortalGroupTag: () => 1,
        discover: () => [{ name: HOSTILE_TARGET, addresses: [{ host: '127.0.0.1', port: 3260, portalGroupTag: 1 }] }],
        authentication: () => ({ kind: 'none' }),
      },
      log: { debug: quiet, info: quiet, warn: quiet, error: (fields) => this.#internalErrors.push(fields) },
    })
    this.#honest = this.#node.connect()
    this.#honest.login({ initiator: 'iqn.2026-11.example:honest' })
    this.#honest.command({ itt: this.#honestTag++ })
    this.#honest.take()
  }

  /** Bring so many hostile PDUs. Errors: assertions, with what the target did. */
  async bring(pduCount: number): Promise<void> {
    for (let count = 1; count <= pduCount; count++) {
      this.#step()
      if (count % HONEST_PERIOD === 0) this.#beHonest()
      if (count % 200 === 0) await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }

  /** Everybody leaves, and time passes: nothing may be left. */
  async end(): Promise<void> {
    this.#beHonest()
    for (const peer of this.#peers) peer.close()
    this.#honest.connection.transportClosed()
    await this.#settle()
    this.#node.clock.advance(A_DAY_MS)
    await this.#settle()
    assert.deepEqual(this.#internalErrors, [])
    const { taken, context, clock } = this.#node
    assert.deepEqual(
      { taken, sessions: context.sessions.size, timers: clock.timerCount },
      {
        taken: [0, 0, 0],
        sessions: 0,
        timers: 0,
      },
    )
  }

  /** Whatever can come to an end without time passing does. */
  async #settle(): Promise<void> {
    for (let round = 0; round < SETTLING_ROUNDS; round++) {
      for (const disk of this.#disks) while (disk.pendingCount > 0) disk.completeOne()
      await new Promise<void>((resolve) => setImmediate(resolve))
      this.#node.clock.settle()
    }
  }

  #step(): void {
    const random = this.#random
    for (let at = this.#peers.length - 1; at >= 0; at--) if (this.#peers[at]!.isClosed) this.#peers.splice(at, 1)
    if (this.#peers.length < HOSTILE_PEERS_MAX && (this.#peers.length === 0 || random.chance(0.2))) {
      this.#peers.push(new FuzzPeer(this.#node.context, random))
    }
    random.pick(this.#peers).act()
    this.#node.clock.settle()
    if (random.chance(0.3)) for (const disk of this.#disks) if (disk.pendingCount > 0) disk.completeOne()
    if (random.chance(0.002)) this.#node.clock.advance(random.pick([100, 3_000, 61_000]))
    assert.deepEqual(this.#internalErrors, [])
  }

  /** Write some blocks, and read others: at once, whatever the hostile ones are doing. */
  #beHonest(): void {
    const random = this.#random
    const blocks = random.integer(1, 16)
    const at = random.integer(0, BLOCKS - blocks)
    const data = Buffer.alloc(blocks * BLOCK_BYTES, random.integer(0, 255))
    const answers = this.#honestCommand(WRITE_10, at, blocks, data)
    assert.deepEqual(
      answers.filter(isEnd).map((pdu) => pdu.byte(3)),
      [GOOD],
    )
    data.copy(this.#honestBytes, at * BLOCK_BYTES)
    const from = random.integer(0, BLOCKS - blocks)
    const read = this.#honestCommand(READ_10, from, blocks, Buffer.alloc(0))
    const bytes = Buffer.concat(read.map(({ data }) => data))
    const expected = this.#honestBytes.subarray(from * BLOCK_BYTES, (from + blocks) * BLOCK_BYTES)
    assert.ok(bytes.equals(expected), `the honest session read something else than it wrote at block ${from}`)
  }

  /** The answers to one command, which must all have come when nothing is left to do. */
  #honestCommand(operationCode: number, block: number, blocks: number, data: Buffer): TargetPdu[] {
    const itt = this.#honestTag++
    const byteCount = blocks * BLOCK_BYTES
    this.#honest.request({
      opcode: OPCODE.SCSI_COMMAND,
      byte1: operationCode === READ_10 ? 0xc1 : 0xa1,
      itt,
      words: {
        20: byteCount,
        24: this.#honest.cmdSN++,
        28: this.#honestStatSN,
      },
      data,
      alterHeader: (header) => {
        header[32] = operationCode
        header.writeUInt32BE(block, 34)
        header.writeUInt16BE(blocks, 39)
      },
    })
    for (
      let rounds = 0;
      rounds < 1000 && !this.#honest.received.some((pdu) => pdu.itt === itt && isEnd(pdu));
      rounds++
    ) {
      const [disk] = this.#disks as [SimulatedDisk]
      if (disk.pendingCount > 0) disk.completeOne()
      this.#node.clock.settle()
    }
    const answers = this.#honest.take().filter((pdu) => pdu.itt === itt)
    this.#honestStatSN = (answers.at(-1)?.statSN ?? 0) + 1
    assert.ok(answers.some(isEnd), 'the honest session gets no answer')
    return answers
  }
}

/** The PDU says how the command ended. */
function isEnd(pdu: TargetPdu): boolean {
  return pdu.opcode === OPCODE.SCSI_RESPONSE || (pdu.opcode === OPCODE.DATA_IN && (pdu.byte(1) & STATUS_BIT) !== 0)
}
