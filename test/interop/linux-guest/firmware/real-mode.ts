/**
 * What boot code of a PC's BIOS consists of, whatever it is started from: 16-bit code as lines of opcodes with their
 * meaning, the packets of the extended INT 13h functions, and a payload that is read and then printed.
 */

export type RealModeLine = readonly [hex: string, meaning: string]

/** Where the payload is read to: it fills the rest of the first 64 KiB of memory. */
export const PAYLOAD_ADDRESS = 0x8000
export const PAYLOAD_BYTES = 0x8000

export const SET_UP_SEGMENTS: readonly RealModeLine[] = [
  ['31c0 8ed8 8ed0', 'xor ax, ax; mov ds, ax; mov ss, ax'],
  ['bc007c fc', 'mov sp, 7c00h; cld'],
]

/** After the last transfer: prints the text that the payload begins with, unless the transfer failed, and restarts. */
export const PRINT_PAYLOAD_AND_RESTART: readonly RealModeLine[] = [
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

const PACKET_BYTES = 16

export function realModeCode(lines: readonly RealModeLine[]): Buffer {
  return Buffer.from(lines.map(([hex]) => hex.replaceAll(' ', '')).join(''), 'hex')
}

/** Disk address packet for the whole payload: size, count, offset and segment of the buffer, LBA. */
export function payloadAddressPacket(lba: number, blockBytes: number): Buffer {
  const packet = Buffer.alloc(PACKET_BYTES)
  packet.writeUInt8(PACKET_BYTES, 0)
  packet.writeUInt16LE(PAYLOAD_BYTES / blockBytes, 2)
  packet.writeUInt16LE(PAYLOAD_ADDRESS, 4)
  packet.writeBigUInt64LE(BigInt(lba), 8)
  return packet
}

/**
 * The text with an end mark, then numbers of which no two are the same. The text comes three times, since a slow serial
 * console may lose letters.
 */
export function realModePayload(text: string): Buffer {
  const bytes = Buffer.alloc(PAYLOAD_BYTES)
  for (let offset = 0; offset < bytes.length; offset += 4) bytes.writeUInt32LE(offset, offset)
  bytes.write(`${`${text}\r\n`.repeat(3)}\0`, 'latin1')
  return bytes
}
