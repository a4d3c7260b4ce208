/**
 * READ DEFECT DATA (10) and (12) (SBC-4): the lists of blocks that the medium had to replace. What lies under a file does
 * that out of sight, so both lists are empty, in whatever format they are asked for.
 */

import { bit, bits, type CdbField, type CdbFields, type CdbLayout, cdb, readField, uint } from '../cdb.ts'
import { defineCommand } from '../define-command.ts'
import { sendParameterData } from '../parameter-data.ts'

interface DefectListFields extends CdbFields {
  readonly requestPrimaryList: CdbField
  readonly requestGrownList: CdbField
  readonly defectListFormat: CdbField
}

/** REQ_PLIST, REQ_GLIST and DEFECT LIST FORMAT; the answer has PLISTV, GLISTV and the format in the same bits. */
function listFieldsIn(byte: number) {
  return { requestPrimaryList: bit(byte, 4), requestGrownList: bit(byte, 3), defectListFormat: bits(byte, 2, 0) }
}

const CDB_10 = cdb(10, { ...listFieldsIn(2), allocationLength: uint(7, 2) })
const CDB_12 = cdb(12, { ...listFieldsIn(1), addressDescriptorIndex: uint(2, 4), allocationLength: uint(6, 4) })

/** The header with DEFECT LIST LENGTH zero; the 12-byte CDB's has a GENERATION CODE, and a longer length. */
const HEADER_BYTES_10 = 4
const HEADER_BYTES_12 = 8

export const READ_DEFECT_DATA_COMMANDS = [
  readDefectData('READ DEFECT DATA (10)', 0x37, CDB_10, HEADER_BYTES_10),
  readDefectData('READ DEFECT DATA (12)', 0xb7, CDB_12, HEADER_BYTES_12),
]

function readDefectData(name: string, operationCode: number, layout: CdbLayout<DefectListFields>, headerBytes: number) {
  return defineCommand({
    name,
    operationCode,
    standard: 'SBC-4',
    cdb: layout,
    data: 'in',
    reservationClass: 'read',
    taskClass: 'information',
    execute: (command) => {
      const { requestPrimaryList, requestGrownList, defectListFormat } = layout.fields
      const data = Buffer.alloc(headerBytes)
      data[1] =
        (readField(command.cdb, requestPrimaryList) << requestPrimaryList.low) |
        (readField(command.cdb, requestGrownList) << requestGrownList.low) |
        readField(command.cdb, defectListFormat)
      sendParameterData(command, data)
    },
  })
}
