/**
 * A disk that UEFI firmware boots: a GPT with an EFI system partition, in it `\EFI\BOOT\BOOTX64.EFI`, the application
 * that copies a payload within the partition, behind the file system, and prints the text that the payload begins with.
 */

import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { createSparseFile } from '../../../support/disk-files.ts'
import { runTool } from '../../../support/run-tool.ts'
import type { Tool } from '../../../support/tools.ts'
import { efiApplication } from './efi-application.ts'
import { EFI_VOLUME_TOOLS, efiPayload, formatEfiVolume } from './efi-volume.ts'

export const UEFI_DISK_TOOLS: readonly Tool[] = ['sfdisk', ...EFI_VOLUME_TOOLS]

const SECTOR_BYTES = 512
const DISK_BYTES = 64 * 2 ** 20
const PARTITION_LBA = 2048
const PARTITION_OFFSET_BYTES = PARTITION_LBA * SECTOR_BYTES
const FILE_SYSTEM_SECTORS = 65_536
const COPY = { fromBytes: 100_000 * SECTOR_BYTES, toBytes: 80_000 * SECTOR_BYTES, sizeBytes: 1 << 20 }

/** Make a disk of 64 MiB at `path` whose boot prints `text`. */
export async function createUefiDisk(path: string, text: string): Promise<void> {
  createSparseFile(path, DISK_BYTES)
  const table = `${path}.table`
  writeFileSync(table, `label: gpt\nstart=${PARTITION_LBA}, type=U\n`)
  await runTool('sh', ['-c', 'sfdisk --quiet "$1" <"$2"', 'sh', path, table])
  await formatEfiVolume(path, PARTITION_OFFSET_BYTES, FILE_SYSTEM_SECTORS, efiApplication(COPY))
  const file = openSync(path, 'r+')
  try {
    writeSync(file, efiPayload(text, COPY.sizeBytes), 0, COPY.sizeBytes, PARTITION_OFFSET_BYTES + COPY.fromBytes)
  } finally {
    closeSync(file)
  }
}

/** Whether the payload stands where the application writes it. */
export function hasWrittenPayload(path: string, text: string): boolean {
  const copy = Buffer.alloc(COPY.sizeBytes)
  const file = openSync(path, 'r')
  try {
    readSync(file, copy, 0, copy.length, PARTITION_OFFSET_BYTES + COPY.toBytes)
  } finally {
    closeSync(file)
  }
  return copy.equals(efiPayload(text, COPY.sizeBytes))
}
