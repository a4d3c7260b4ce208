/**
 * A disk that a PC's BIOS boots: the boot sector reads a payload from the far end of the disk through INT 13h, writes it
 * back elsewhere, prints the text that the payload begins with, and restarts the machine. Who finds the text on the
 * console knows that the firmware could read, and who finds the copy knows that it could write.
 */

import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

const SECTOR_BYTES = 512
const SECTOR_COUNT = 131_072
/** As many as fill the rest of the first 64 KiB of memory. */
const PAYLOAD_SECTORS = 64
const PAYLOAD_ADDRESS = 0x8000
const PAYLOAD_LBA = SECTOR_COUNT - PAYLOAD_SECTORS
const COPY_LBA = 2048

/** Where in the boot sector, which the BIOS puts at 7c00h, the two disk address packets are. */
const READ_PACKET_OFFSET = 0x80
const WRITE_PACKET_OFFSET = 0x90
const SIGNATURE_OFFSET = 510
const PACKET_BYTES = 16

/** 16-bit code, in the order of execution; the drive number is in DL from the start. */
const CODE: readonly (readonly [hex: string, meaning: string])[] = [
  ['31c0 8ed8 8ed0', 'xor ax, ax; mov ds, ax; mov ss, ax'],
  ['bc007c fc', 'mov sp, 7c00h; cld'],
  ['be807c b442 cd13', 'mov si, 7c80h; mov ah, 42h; int 13h: extended read'],
  ['721b', 'jc restart'],
  ['be907c b80043 cd13', 'mov si, 7c90h; mov ax, 4300h; int 13h: extended write'],
  ['7211', 'jc restart'],
  ['be0080', 'mov si, 8000h'],
  ['ac 84c0 7409', 'next: lodsb; test al, al; jz restart'],
  ['b40e bb0700 cd10', 'mov ah, 0eh; mov bx, 7; int 10h: teletype output'],
  ['ebf2', 'jmp next'],
  ['fb b90500', 'restart: sti; mov cx, 5'],
  ['f4 e2fd', 'wait: hlt; loop wait: five ticks, in which the BIOS shows what it held back'],
  ['b0fe e664', 'mov al, 0feh; out 64h, al: reset'],
  ['f4 ebfd', 'hlt; jmp $ - 1'],
]

/** Make a disk of 64 MiB at `path` whose boot prints `text`. */
export function createBootableDisk(path: string, text: string): void {
  const file = openSync(path, 'w')
  try {
    ftruncateSync(file, SECTOR_COUNT * SECTOR_BYTES)
    writeSync(file, bootSector(), 0, SECTOR_BYTES, 0)
    writeSync(file, payload(text), 0, PAYLOAD_SECTORS * SECTOR_BYTES, PAYLOAD_LBA * SECTOR_BYTES)
  } finally {
    closeSync(file)
  }
}

/** Whether the payload stands where the boot sector writes it. */
export function hasWrittenPayload(path: string, text: string): boolean {
  const copy = Buffer.alloc(PAYLOAD_SECTORS * SECTOR_BYTES)
  const file = openSync(path, 'r')
  try {
    readSync(file, copy, 0, copy.length, COPY_LBA * SECTOR_BYTES)
  } finally {
    closeSync(file)
  }
  return copy.equals(payload(text))
}

/**
 * The text with an end mark, then numbers of which no two are the same. The text comes three times, since a slow serial
 * console may lose letters.
 */
function payload(text: string): Buffer {
  const bytes = Buffer.alloc(PAYLOAD_SECTORS * SECTOR_BYTES)
  for (let offset = 0; offset < bytes.length; offset += 4) bytes.writeUInt32LE(offset, offset)
  bytes.write(`${`${text}\r\n`.repeat(3)}\0`, 'latin1')
  return bytes
}

function bootSector(): Buffer {
  const sector = Buffer.alloc(SECTOR_BYTES)
  const code = Buffer.from(CODE.map(([hex]) => hex.replaceAll(' ', '')).join(''), 'hex')
  code.copy(sector)
  addressPacket(PAYLOAD_LBA).copy(sector, READ_PACKET_OFFSET)
  addressPacket(COPY_LBA).copy(sector, WRITE_PACKET_OFFSET)
  sector.writeUInt16LE(0xaa55, SIGNATURE_OFFSET)
  return sector
}

/** Disk address packet of the extended INT 13h functions: size, count, offset and segment of the buffer, LBA. */
function addressPacket(lba: number): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES)
  packet.writeUInt8(PACKET_BYTES, 0)
  packet.writeUInt16LE(PAYLOAD_SECTORS, 2)
  packet.writeUInt16LE(PAYLOAD_ADDRESS, 4)
  packet.writeBigUInt64LE(BigInt(lba), 8)
  return packet
}
