/**
 * A disk that a PC's BIOS boots: the boot sector reads a payload from the far end of the disk through INT 13h, writes it
 * back elsewhere, prints the text that the payload begins with, and restarts the machine. Who finds the text on the
 * console knows that the firmware could read, and who finds the copy knows that it could write.
 */

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import {
  PAYLOAD_BYTES,
  PRINT_PAYLOAD_AND_RESTART,
  payloadAddressPacket,
  type RealModeLine,
  realModeCode,
  realModePayload,
  SET_UP_SEGMENTS,
} from './real-mode.ts'

const SECTOR_BYTES = 512
const SECTOR_COUNT = 131_072
const PAYLOAD_LBA = SECTOR_COUNT - PAYLOAD_BYTES / SECTOR_BYTES
const COPY_LBA = 2048

/** Where in the boot sector, which the BIOS puts at 7c00h, the two disk address packets are. */
const READ_PACKET_OFFSET = 0x80
const WRITE_PACKET_OFFSET = 0x90
const SIGNATURE_OFFSET = 510

/** In the order of execution; the drive number is in DL from the start. */
const CODE: readonly RealModeLine[] = [
  ...SET_UP_SEGMENTS,
  ['be807c b442 cd13', 'mov si, 7c80h; mov ah, 42h; int 13h: extended read'],
  ['721b', 'jc restart'],
  ['be907c b80043 cd13', 'mov si, 7c90h; mov ax, 4300h; int 13h: extended write'],
  ...PRINT_PAYLOAD_AND_RESTART,
]

/** Make a disk of 64 MiB at `path` whose boot prints `text`. */
export function createBootableDisk(path: string, text: string): void {
  const file = openSync(path, 'w')
  try {
    ftruncateSync(file, SECTOR_COUNT * SECTOR_BYTES)
    writeSync(file, bootSector(), 0, SECTOR_BYTES, 0)
    writeSync(file, realModePayload(text), 0, PAYLOAD_BYTES, PAYLOAD_LBA * SECTOR_BYTES)
  } finally {
    closeSync(file)
  }
}

/** Whether the payload stands where the boot sector writes it. */
export function hasWrittenPayload(path: string, text: string): boolean {
  const copy = Buffer.alloc(PAYLOAD_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, copy, 0, copy.length, COPY_LBA * SECTOR_BYTES)
  } finally {
    closeSync(file)
  }
  return copy.equals(realModePayload(text))
}

function bootSector(): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES)
  realModeCode(CODE).copy(sector)
  payloadAddressPacket(PAYLOAD_LBA, SECTOR_BYTES).copy(sector, READ_PACKET_OFFSET)
  payloadAddressPacket(COPY_LBA, SECTOR_BYTES).copy(sector, WRITE_PACKET_OFFSET)
  sector.writeUInt16LE(0xaa55, SIGNATURE_OFFSET)
  return sector
}
