/**
 * A node of connection harnesses over a real device server whose disks a test holds: for what several connections and
 * sessions see of each other. Headers and data segments go and come as raw bytes.
 */

import type { SessionParameters } from '../../protocol/login/parameters.ts'
import { LogicalUnit } from '../../scsi/logical-unit.ts'
import { ScsiTarget } from '../../scsi/target.ts'
import { Bridge } from '../../src/bridge.ts'
import type { Limits } from '../../src/limits.ts'
import { type ConnectionHarness, NodeHarness, TARGET_NAME } from './connection-harness.ts'
import { TEST_IDENTITY } from './scsi-initiator.ts'
import { TestStore } from './scsi-store.ts'
import { FINAL, NO_TAG, OPCODE, type TargetPdu } from './wire-pdu.ts'
import { commandFields, type ScsiRequest, testUnitReady } from './wire-scsi.ts'

export interface ScsiNode {
  readonly node: NodeHarness
  readonly target: ScsiTarget
  /** One disk for each LUN from 0 on. */
  readonly stores: readonly TestStore[]
}

export interface ScsiNodeOptions {
  readonly diskCount?: number
  readonly commandsMax?: number
  readonly limits?: Partial<Limits>
  readonly preferences?: Partial<SessionParameters>
}

/** A target with disks that complete at once until a test sets `isManual`; sessions of up to four connections. */
export function scsiNode({
  diskCount = 1,
  commandsMax,
  limits = {},
  preferences = {},
}: ScsiNodeOptions = {}): ScsiNode {
  const stores = Array.from({ length: diskCount }, () => new TestStore(1024 * 1024))
  const unit = {
    identity: TEST_IDENTITY,
    blockLengthBytes: 512,
    isReadOnly: false,
    ...(commandsMax && { commandsMax }),
  }
  const target = new ScsiTarget({
    logicalUnits: new Map(stores.map((store, lun) => [lun, new LogicalUnit(unit, store)])),
    onInternalError: (error) => {
      throw error
    },
  })
  const node = new NodeHarness(limits, new Bridge(new Map([[TARGET_NAME, target]])), {
    maxConnections: 4,
    taskReporting: 'FastAbort',
    iSCSIProtocolLevel: 2,
    ...preferences,
  })
  return { node, target, stores }
}

export interface SessionOptions {
  readonly isid?: number
  readonly connectionCount?: number
  readonly keys?: Readonly<Record<string, string>>
  /** Logical units whose unit attentions are read first. */
  readonly luns?: readonly number[]
}

/** A session whose connections have read everything that came and acknowledged it. */
export function openScsiSession({ node }: ScsiNode, options: SessionOptions = {}): ConnectionHarness[] {
  const { isid = 1, connectionCount = 1, keys = {}, luns = [0] } = options
  const leading = node.connect()
  leading.login({ isid, keys: { MaxConnections: '4', ...keys } })
  const hosts = [leading]
  for (let cid = 1; cid < connectionCount; cid++) {
    const host = node.connect()
    host.join(leading, cid, { isid })
    hosts.push(host)
  }
  for (const lun of luns) clearUnitAttentions(leading, lun)
  for (const host of hosts) acknowledge(host)
  for (const host of hosts) host.take()
  return hosts
}

/** TEST UNIT READY until it is answered with GOOD. */
export function clearUnitAttentions(host: ConnectionHarness, lun = 0): void {
  for (;;) {
    sendCdb(host, 0xfeed, { cdb: testUnitReady(), lun })
    if (host.take().at(-1)!.byte(3) === 0) return
  }
}

/** A SCSI Command that acknowledges all that came, unless `isSilent`. Gives its CmdSN. */
export function sendCdb(
  host: ConnectionHarness,
  itt: number,
  request: ScsiRequest & { readonly isSilent?: boolean },
): number {
  const fields = commandFields(request)
  const cmdSN = fields.words?.[24] ?? host.cmdSN++
  const words = { ...fields.words, 24: cmdSN, 28: request.isSilent ? 0 : host.expStatSN }
  host.request({ ...fields, itt, words })
  return cmdSN
}

export interface ManagementFields {
  readonly itt?: number
  readonly lun?: number
  readonly referencedTaskTag?: number
  readonly refCmdSN?: number
  readonly cmdSN?: number
  /** By default immediate. */
  readonly isNumbered?: boolean
  readonly isSilent?: boolean
}

/** A Task Management Function Request. */
export function manage(host: ConnectionHarness, code: number, fields: ManagementFields = {}): void {
  const { itt = 0x7000, lun = 0, referencedTaskTag = NO_TAG, refCmdSN = 0, isNumbered = false, isSilent } = fields
  const cmdSN = fields.cmdSN ?? (isNumbered ? host.cmdSN++ : host.cmdSN)
  host.request({
    opcode: OPCODE.TASK_MANAGEMENT_REQUEST,
    immediate: !isNumbered,
    byte1: FINAL | code,
    lun,
    itt,
    words: { 20: referencedTaskTag, 24: cmdSN, 28: isSilent ? 0 : host.expStatSN, 32: refCmdSN },
  })
}

/** A NOP-Out that acknowledges all that came and asks for no answer; `lun` as an answer to event 5 has it. */
export function acknowledge(host: ConnectionHarness, lun = 0): void {
  const words = { 20: NO_TAG, 24: host.cmdSN, 28: host.expStatSN }
  host.request({ opcode: OPCODE.NOP_OUT, immediate: true, byte1: FINAL, itt: NO_TAG, lun, words })
}

/** Kinds of PDUs, short: `response 2a 02` is a SCSI Response of tag 2ah with CHECK CONDITION. */
export function describePdu(pdu: TargetPdu): string {
  const hex = (value: number) => value.toString(16).padStart(2, '0')
  switch (pdu.opcode) {
    case OPCODE.SCSI_RESPONSE:
      return `status ${hex(pdu.itt)} ${hex(pdu.byte(3))}`
    case OPCODE.TASK_MANAGEMENT_RESPONSE:
      return `function ${hex(pdu.itt)} ${pdu.byte(2)}`
    case OPCODE.DATA_IN:
      return `data ${hex(pdu.itt)}`
    case OPCODE.R2T:
      return `r2t ${hex(pdu.itt)}`
    case OPCODE.ASYNC:
      return `event ${pdu.byte(36)}`
    case OPCODE.REJECT:
      return `reject ${hex(pdu.byte(2))}`
    case OPCODE.NOP_IN:
      return pdu.itt === NO_TAG ? 'ping' : `nop ${hex(pdu.itt)}`
    default:
      return `opcode ${hex(pdu.opcode)}`
  }
}

/** What came since the last call, described; a NOP-In that only says which CmdSNs are open is left out. */
export function seen(host: ConnectionHarness): string[] {
  const isWindowOnly = ({ opcode, itt, ttt }: TargetPdu) => opcode === OPCODE.NOP_IN && itt === NO_TAG && ttt === NO_TAG
  return host
    .take()
    .filter((pdu) => !isWindowOnly(pdu))
    .map(describePdu)
}
