/**
 * A volume that UEFI firmware starts an application from, which lies at the path for removable media, and what that
 * application reads.
 */

import { rmSync, writeFileSync } from 'node:fs'
import { runTool } from '../../../support/run-tool.ts'
import type { Tool } from '../../../support/tools.ts'

export const EFI_VOLUME_TOOLS: readonly Tool[] = ['mformat', 'mcopy', 'mmd']

/** Make a FAT file system at `offsetBytes` of the file `path`, with the application as `\EFI\BOOT\BOOTX64.EFI`. */
export async function formatEfiVolume(
  path: string,
  offsetBytes: number,
  sectorCount: number,
  application: Buffer,
): Promise<void> {
  const applicationPath = `${path}.efi`
  writeFileSync(applicationPath, application)
  const volume = ['-i', `${path}@@${offsetBytes}`]
  await runTool('mformat', [...volume, '-T', String(sectorCount), '::'])
  await runTool('mmd', [...volume, '::EFI', '::EFI/BOOT'])
  await runTool('mcopy', [...volume, applicationPath, '::EFI/BOOT/BOOTX64.EFI'])
  rmSync(applicationPath)
}

/** The text with an end mark, then numbers of which no two are the same. */
export function efiPayload(text: string, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let offset = 0; offset < bytes.length; offset += 4) bytes.writeUInt32LE(offset, offset)
  bytes.write(`${text}\r\n\0`, 'utf16le')
  return bytes
}
