/**
 * An ISO image that a PC starts from, by its BIOS and by UEFI firmware (El Torito): an ISO 9660 file system with Rock
 * Ridge and Joliet names, laid out like the discs that operating systems are installed from. The code that is started
 * reads a payload from behind itself, prints the text that the payload begins with, and ends the machine.
 */

import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createSparseFile } from '../../../support/disk-files.ts'
import { runTool } from '../../../support/run-tool.ts'
import type { Tool } from '../../../support/tools.ts'
import { efiApplication } from './efi-application.ts'
import { EFI_VOLUME_TOOLS, efiPayload, formatEfiVolume } from './efi-volume.ts'
import {
  PRINT_PAYLOAD_AND_RESTART,
  payloadAddressPacket,
  type RealModeLine,
  realModeCode,
  realModePayload,
  SET_UP_SEGMENTS,
} from './real-mode.ts'

export const BOOT_DISC_TOOLS: readonly Tool[] = ['xorriso', ...EFI_VOLUME_TOOLS]

export interface BootDisc {
  readonly volumeName: string
  /** What is printed by the code that the BIOS starts. */
  readonly biosText: string
  readonly uefiText: string
  /** Files of the disc besides those that boot it, by their paths. */
  readonly files: Readonly<Record<string, Buffer>>
}

const BLOCK_BYTES = 2048
/** The unit in which El Torito counts what the BIOS loads. */
const VIRTUAL_SECTOR_BYTES = 512

/** Where in the boot image, which the BIOS puts at 7c00h, the code begins behind the boot information table. */
const CODE_OFFSET = 0x40
const READ_PACKET_OFFSET = 0xc0

/** The boot information table, which xorriso fills in, says at 7c0ch in which block the boot image begins. */
const BIOS_CODE: readonly RealModeLine[] = [
  ...SET_UP_SEGMENTS,
  ['66a10c7c 6640', 'mov eax, [7c0ch]; inc eax: the payload follows the block with this code'],
  ['66a3c87c', 'mov [7cc8h], eax: the LBA of the packet'],
  ['bec07c b442 cd13', 'mov si, 7cc0h; mov ah, 42h; int 13h: extended read'],
  ...PRINT_PAYLOAD_AND_RESTART,
]

/** A FAT file system with the application, and the payload in the second half. */
const UEFI_VOLUME_BYTES = 4 << 20
const UEFI_PAYLOAD_BYTES = 1 << 20
const UEFI_PAYLOAD_OFFSET_BYTES = UEFI_VOLUME_BYTES / 2

/** Make the image `path` out of a tree that is left in `scratch`. */
export async function createBootDisc(path: string, scratch: string, disc: BootDisc): Promise<void> {
  for (const [name, contents] of Object.entries(disc.files)) {
    mkdirSync(dirname(join(scratch, name)), { recursive: true })
    writeFileSync(join(scratch, name), contents)
  }
  mkdirSync(join(scratch, 'boot'), { recursive: true })
  writeFileSync(join(scratch, 'boot/bios.img'), biosImage(disc.biosText))
  await createUefiVolume(join(scratch, 'boot/efi.img'), disc.uefiText)
  await runTool('xorriso', [
    ...['-as', 'mkisofs', '-quiet', '-R', '-J', '-V', disc.volumeName, '-o', path],
    ...['-b', 'boot/bios.img', '-c', 'boot/boot.cat', '-no-emul-boot', '-boot-info-table'],
    ...['-boot-load-size', String(BLOCK_BYTES / VIRTUAL_SECTOR_BYTES)],
    ...['-eltorito-alt-boot', '-e', 'boot/efi.img', '-no-emul-boot'],
    scratch,
  ])
}

/** A block with code, which jumps over the boot information table, and the payload. */
function biosImage(text: string): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES)
  block.set([0xeb, CODE_OFFSET - 2])
  realModeCode(BIOS_CODE).copy(block, CODE_OFFSET)
  payloadAddressPacket(0, BLOCK_BYTES).copy(block, READ_PACKET_OFFSET)
  return Buffer.concat([block, realModePayload(text)])
}

async function createUefiVolume(path: string, text: string): Promise<void> {
  createSparseFile(path, UEFI_VOLUME_BYTES)
  const fromBytes = UEFI_PAYLOAD_OFFSET_BYTES
  const application = efiApplication({ fromBytes, toBytes: null, sizeBytes: UEFI_PAYLOAD_BYTES })
  await formatEfiVolume(path, 0, UEFI_PAYLOAD_OFFSET_BYTES / VIRTUAL_SECTOR_BYTES, application)
  const file = openSync(path, 'r+')
  try {
    writeSync(file, efiPayload(text, UEFI_PAYLOAD_BYTES), 0, UEFI_PAYLOAD_BYTES, fromBytes)
  } finally {
    closeSync(file)
  }
}
