/**
 * An EFI application for x64 that fits a page: it reads a payload from the volume that it was started from, writes it
 * back elsewhere unless that cannot be written, flushes the volume, prints the text that the payload begins with, and
 * powers the machine off. It is the least that the PE32+ format allows: one section, no imports, code that runs at any
 * address.
 */

import { alignUp, guid, u16, u32 } from './uefi-encoding.ts'

/** Offsets in the volume, which is the partition, in bytes: its firmware may have made blocks of another size for it. */
export interface VolumeCopy {
  readonly fromBytes: number
  /** Null for a volume that is only read. */
  readonly toBytes: number | null
  readonly sizeBytes: number
}

const FILE_ALIGNMENT_BYTES = 0x200
const PAGE_BYTES = 0x1000
const HEADERS_BYTES = 0x200
const PE_HEADER_OFFSET = 0x40
const OPTIONAL_HEADER_BYTES = 112 + 16 * 8

const LOADED_IMAGE_PROTOCOL = guid('5b1b31a1-9562-11d2-8e3f-00a0c969723b')
const BLOCK_IO_PROTOCOL = guid('964e5b21-6459-11d2-8e39-00a0c969723b')

/** The application as the file that firmware loads. */
export function efiApplication(copy: VolumeCopy): Buffer {
  const code = machineCode(copy)
  const rawBytes = alignUp(code.length, FILE_ALIGNMENT_BYTES)
  // The buffer for the payload follows the code and takes no room in the file.
  const sectionBytes = code.length + copy.sizeBytes
  const file = Buffer.alloc(HEADERS_BYTES + rawBytes)
  headers(rawBytes, sectionBytes).copy(file)
  code.copy(file, HEADERS_BYTES)
  return file
}

function headers(rawBytes: number, sectionBytes: number): Buffer {
  const imageBytes = PAGE_BYTES + alignUp(sectionBytes, PAGE_BYTES)
  const dos = Buffer.alloc(PE_HEADER_OFFSET)
  dos.write('MZ')
  dos.writeUInt32LE(PE_HEADER_OFFSET, 0x3c)
  const coff = [Buffer.from('PE\0\0'), u16(0x8664), u16(1), Buffer.alloc(12), u16(OPTIONAL_HEADER_BYTES), u16(0x22)]
  const optional = [
    // PE32+, linker version, sizes of code and data, entry point, base of code.
    ...[u16(0x20b), u16(0), u32(rawBytes), u32(0), u32(0), u32(PAGE_BYTES), u32(PAGE_BYTES)],
    // Image base, alignments, six versions, reserved.
    ...[Buffer.alloc(8), u32(PAGE_BYTES), u32(FILE_ALIGNMENT_BYTES), Buffer.alloc(16)],
    // Size of image and headers, checksum, subsystem EFI application, DLL characteristics.
    ...[u32(imageBytes), u32(HEADERS_BYTES), u32(0), u16(10), u16(0)],
    // Stack and heap, loader flags, sixteen empty data directories.
    ...[Buffer.alloc(32 + 4), u32(16), Buffer.alloc(16 * 8)],
  ]
  const section = [Buffer.from('.text\0\0\0'), u32(sectionBytes), u32(PAGE_BYTES), u32(rawBytes), u32(HEADERS_BYTES)]
  // No relocations nor line numbers; code that may be read, written and executed.
  return Buffer.concat([dos, ...coff, ...optional, ...section, Buffer.alloc(12), u32(0xe0000020)])
}

/** Where code refers to what stands after it: displacements of 32 bits, relative to the end of their instruction. */
type Label = 'end' | 'loadedImage' | 'blockIo' | 'buffer'
type Operand = Label | number
type Line = readonly [hex: string, meaning: string, operand?: Operand]

const OPERAND_BYTES = 4
const EXIT = Buffer.from('4883c4405f5e5bc3', 'hex') // add rsp, 40h; pop rdi; pop rsi; pop rbx; ret

/**
 * In the calling convention of UEFI: arguments in rcx, rdx, r8, r9 and at rsp + 20h. The offsets into its tables follow
 * from their declarations (EFI_SYSTEM_TABLE, EFI_BOOT_SERVICES, EFI_RUNTIME_SERVICES, EFI_BLOCK_IO_PROTOCOL).
 */
function machineCode({ fromBytes, toBytes, sizeBytes }: VolumeCopy): Buffer {
  return assemble([
    ['53 56 57 4883ec40', 'push rbx; push rsi; push rdi; sub rsp, 40h'],
    ['4889d3', 'rbx = systemTable'],
    ['488b7360', 'rsi = systemTable.bootServices'],
    ...openProtocol('loadedImage'),
    ['488b4818', 'rcx = loadedImage.deviceHandle'],
    ...openProtocol('blockIo'),
    ['4889c7', 'rdi = blockIo'],
    ...transfer(fromBytes, sizeBytes, 'ff5718', 'blockIo.readBlocks'),
    ...(toBytes === null ? [] : transfer(toBytes, sizeBytes, 'ff5720', 'blockIo.writeBlocks')),
    ['4889f9 ff5728', 'blockIo.flushBlocks'],
    ...ENDS_ON_ERROR,
    ['488b4b40', 'rcx = systemTable.conOut'],
    ['488d15', 'rdx = buffer', 'buffer'],
    ['ff5108', 'conOut.outputString'],
    // A serial console drops the rest of the text when the machine that emulates it is slow: once more, from the start.
    ['4885c0 78ed', 'test rax, rax; js back to rcx = systemTable.conOut'],
    ['488b4358', 'rax = systemTable.runtimeServices'],
    ['b902000000 31d2 4531c0 4531c9', 'EfiResetShutdown, success, no data'],
    ['ff5068', 'runtimeServices.resetSystem'],
  ])
}

const ENDS_ON_ERROR: readonly Line[] = [
  ['4885c0', 'test rax, rax'],
  ['0f85', 'jnz end', 'end'],
]

/** For the handle in rcx. */
function openProtocol(protocol: Label): Line[] {
  return [
    ['488d15', 'rdx = protocol', protocol],
    ['4c8d442438', 'r8 = rsp + 38h'],
    ['ff9698000000', 'bootServices.handleProtocol'],
    ...ENDS_ON_ERROR,
    ['488b442438', 'rax = the interface'],
  ]
}

function transfer(offsetBytes: number, sizeBytes: number, call: string, meaning: string): Line[] {
  return [
    ['488b4f08', 'rcx = blockIo.media'],
    ['b8', 'eax = offset', offsetBytes],
    ['31d2 f7710c 4989c0', 'r8 = LBA = offset / media.blockSize'],
    ['8b11', 'edx = media.mediaId'],
    ['4889f9', 'rcx = blockIo'],
    ['41b9', 'r9 = size', sizeBytes],
    ['488d05', 'rax = buffer', 'buffer'],
    ['4889442420', 'fifth argument = rax'],
    [call, meaning],
    ...ENDS_ON_ERROR,
  ]
}

/** The code, its exit and the two GUIDs that it names; the buffer comes after them. */
function assemble(lines: readonly Line[]): Buffer {
  const opcodes = lines.map(([hex]) => Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  const ends: number[] = []
  for (const [index, opcode] of opcodes.entries()) {
    const operandBytes = lines[index]![2] === undefined ? 0 : OPERAND_BYTES
    ends.push((ends.at(-1) ?? 0) + opcode.length + operandBytes)
  }
  const end = ends.at(-1)!
  const loadedImage = end + EXIT.length
  const blockIo = loadedImage + LOADED_IMAGE_PROTOCOL.length
  const offsets: Record<Label, number> = { end, loadedImage, blockIo, buffer: blockIo + BLOCK_IO_PROTOCOL.length }
  const code = lines.flatMap(([, , operand], index) => {
    if (operand === undefined) return [opcodes[index]!]
    return [opcodes[index]!, u32(typeof operand === 'number' ? operand : offsets[operand] - ends[index]!)]
  })
  return Buffer.concat([...code, EXIT, LOADED_IMAGE_PROTOCOL, BLOCK_IO_PROTOCOL])
}
