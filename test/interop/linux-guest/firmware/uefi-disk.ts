/**
 * A disk that UEFI firmware boots: a GPT with an EFI system partition, in it `\EFI\BOOT\BOOTX64.EFI`, the application
 * that copies a payload within the partition, behind the file system, and prints the text that the payload begins with.
 */

import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { createSparseFile } from '../../../support/disk-files.ts'
import { runTool } from '../../../support/run-tool.ts'
import type { Tool } from '../../../support/tools.ts'
import { efiApplication, type VolumeCopy } from './efi-application.ts'

export const UEFI_DISK_TOOLS: readonly Tool[] = ['sfdisk', 'mformat', 'mcopy', 'mmd']

const SECTOR_BYTES = 512
const DISK_BYTES = 64 * 2 ** 20
const PARTITION_LBA = 2048
const FILE_SYSTEM_SECTORS = 65_536
const COPY: VolumeCopy = { fromLba: 100_000, toLba: 80_000, sizeBytes: 1 << 20 }

/** Make a disk of 64 MiB at `path` whose boot prints `text`. */
export async function createUefiDisk(path: string, text: string): Promise<void> {
  createSparseFile(path, DISK_BYTES)
  const table = `${path}.table`
  writeFileSync(table, `label: gpt\nstart=${PARTITION_LBA}, type=U\n`)
  await runTool('sh', ['-c', 'sfdisk --quiet "$1" <"$2"', 'sh', path, table])
  const application = `${path}.efi`
  writeFileSync(application, efiApplication(COPY))
  const volume = ['-i', `${path}@@${PARTITION_LBA * SECTOR_BYTES}`]
  await runTool('mformat', [...volume, '-T', String(FILE_SYSTEM_SECTORS), '::'])
  await runTool('mmd', [...volume, '::EFI', '::EFI/BOOT'])
  await runTool('mcopy', [...volume, application, '::EFI/BOOT/BOOTX64.EFI'])
  const file = openSync(path, 'r+')
  try {
    writeSync(file, payload(text), 0, COPY.sizeBytes, offsetOf(COPY.fromLba))
  } finally {
    closeSync(file)
  }
}

/** Whether the payload stands where the application writes it. */
export function hasWrittenPayload(path: string, text: string): boolean {
  const copy = Buffer.alloc(COPY.sizeBytes)
  const file = openSync(path, 'r')
  try {
    readSync(file, copy, 0, copy.length, offsetOf(COPY.toLba))
  } finally {
    closeSync(file)
  }
  return copy.equals(payload(text))
}

function offsetOf(lba: number): number {
  return (PARTITION_LBA + lba) * SECTOR_BYTES
}

/** The text with an end mark, then numbers of which no two are the same. */
function payload(text: string): Buffer {
  const bytes = Buffer.alloc(COPY.sizeBytes)
  for (let offset = 0; offset < bytes.length; offset += 4) bytes.writeUInt32LE(offset, offset)
  bytes.write(`${text}\r\n\0`, 'utf16le')
  return bytes
}
