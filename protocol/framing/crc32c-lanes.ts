/**
 * CRC32C of long runs of bytes, in WebAssembly, for `crc32c.ts`. A CRC is a chain in which every step waits for the
 * table look-ups of the one before, so a processor that goes through one chain is mostly waiting. Here three chains run
 * side by side, each over its third of a block, and are joined at the block's end: the register of an earlier third is
 * moved past the bytes that follow it, which is one linear map and again four look-ups. Besides that, WebAssembly has no
 * bounds checks to make, and reads eight bytes at a time.
 *
 * The module is put together from its instructions when this file is loaded. Its one page of memory holds the tables
 * and, behind them, the bytes at work, which are copied there: that costs a tenth of what it saves.
 */

/** The slices of the table method: as many bytes as one step takes. */
const STEP_BYTES = 8
const LANES = 3
/** Blocks of these lanes are run through; what is left over is for the caller. Long ones first. */
const LANE_BYTES: readonly number[] = [1024, 64]

const TABLE_BYTES = 1024
/** Where things lie in memory: the eight step tables, four moving tables for each length of a lane, the bytes. */
const MOVING_AT = STEP_BYTES * TABLE_BYTES
const BYTES_AT = MOVING_AT + LANE_BYTES.length * 4 * TABLE_BYTES
const PAGE_BYTES = 65_536
/** The most that one call takes. */
const WINDOW_BYTES = PAGE_BYTES - BYTES_AT

/** What is shorter is faster without this detour. */
export const LANES_BYTES_MIN = 512

interface Kernel {
  readonly memory: { readonly buffer: ArrayBuffer }
  /** `(register, from, to)` over whole blocks of one length of lanes; one function for each. */
  readonly functions: readonly ((register: number, from: number, to: number) => number)[]
}

/** The part of the WebAssembly API that is used here; Node's type declarations have none of it. */
interface WebAssemblyApi {
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

/** Runs long stretches of bytes through a CRC register. */
export class Crc32cLanes {
  readonly #bytes: Buffer
  readonly #kernel: Kernel

  /** `tables`: eight tables of 256 entries, the first for the last byte of a step (slicing by eight). */
  constructor(tables: Int32Array) {
    this.#kernel = instantiate()
    const words = new Int32Array(this.#kernel.memory.buffer)
    words.set(tables, 0)
    const advance = (register: number) => (register >>> 8) ^ tables[register & 0xff]!
    LANE_BYTES.forEach((laneBytes, at) => {
      words.set(movingTables(laneBytes, advance), (MOVING_AT + at * 4 * TABLE_BYTES) / 4)
    })
    this.#bytes = Buffer.from(this.#kernel.memory.buffer, BYTES_AT)
  }

  /**
   * Run as many of the bytes [start, end) through `register` as whole blocks hold. Gives the register; `doneBytes`
   * tells how far it went.
   */
  update(register: number, bytes: Buffer, start: number, end: number): number {
    let crc = register
    let at = start
    for (let index = 0; index < LANE_BYTES.length; index++) {
      const blockBytes = LANES * LANE_BYTES[index]!
      const run = this.#kernel.functions[index]!
      const windowBytes = WINDOW_BYTES - (WINDOW_BYTES % blockBytes)
      while (end - at >= blockBytes) {
        const left = end - at
        const byteCount = left >= windowBytes ? windowBytes : left - (left % blockBytes)
        bytes.copy(this.#bytes, 0, at, at + byteCount)
        crc = run(crc, BYTES_AT, BYTES_AT + byteCount)
        at += byteCount
      }
    }
    return crc
  }
}

/** How many of `byteCount` bytes `Crc32cLanes.update` runs through. */
export function lanesBytes(byteCount: number): number {
  const shortestBlockBytes = LANES * LANE_BYTES.at(-1)!
  return byteCount - (byteCount % shortestBlockBytes)
}

/** Four tables, one for each byte of a register, that move it past `byteCount` bytes of zeroes. */
function movingTables(byteCount: number, advance: (register: number) => number): Int32Array {
  const tables = new Int32Array(4 * 256)
  for (let at = 0; at < tables.length; at++) {
    let register = (at & 0xff) << (8 * (at >>> 8))
    for (let count = 0; count < byteCount; count++) register = advance(register)
    tables[at] = register
  }
  return tables
}

function instantiate(): Kernel {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly
  const { exports } = new Instance(new Module(assembleModule()))
  return {
    memory: exports.memory as Kernel['memory'],
    functions: LANE_BYTES.map((_, at) => exports[`run${at}`] as Kernel['functions'][number]),
  }
}

// WebAssembly in its binary form: numbers are LEB128, and an expression is the code that leaves its value on the stack.

type Code = readonly number[]

const I32 = 0x7f
const I64 = 0x7e
const EMPTY_BLOCK = 0x40
const EXPORTS = { function: 0, memory: 2 } as const
const SECTION = { type: 1, function: 3, memory: 5, export: 7, code: 10 } as const

/** Locals of a function: its three parameters, then a word of input, its halves, the end of a lane, the registers. */
const LOCAL = { register: 0, at: 1, end: 2, word: 3, low: 4, high: 5, laneEnd: 6, firstOther: 7 } as const
const registerOf = (lane: number) => (lane === 0 ? LOCAL.register : LOCAL.firstOther + lane - 1)

function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)]
}

function signed(value: number): Code {
  const isLast = value >= -0x40 && value < 0x40
  return isLast ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)]
}

const get = (local: number): Code => [0x20, local]
const set = (local: number, value: Code): Code => [...value, 0x21, local]
const i32 = (value: number): Code => [0x41, ...signed(value)]
const i64 = (value: number): Code => [0x42, ...signed(value)]
const add = (left: Code, right: Code): Code => [...left, ...right, 0x6a]
const and = (left: Code, right: Code): Code => [...left, ...right, 0x71]
const xor = (left: Code, right: Code): Code => [...left, ...right, 0x73]
const shiftLeft = (value: Code, bits: number): Code => [...value, ...i32(bits), 0x74]
const shiftRight = (value: Code, bits: number): Code => [...value, ...i32(bits), 0x76]
const xor64 = (left: Code, right: Code): Code => [...left, ...right, 0x85]
const shiftRight64 = (value: Code, bits: number): Code => [...value, ...i64(bits), 0x88]
const lowHalf = (value: Code): Code => [...value, 0xa7]
const widen = (value: Code): Code => [...value, 0xad]
const load32 = (address: Code, offset: number): Code => [...address, 0x28, 2, ...unsigned(offset)]
const load64 = (address: Code, offset: number): Code => [...address, 0x29, 0, ...unsigned(offset)]
/** Repeats `body` as long as `at` is below `end`. */
const loopWhileBelow = (body: Code, at: number, end: number): Code => [
  ...[0x03, EMPTY_BLOCK, ...body],
  ...[...get(at), ...get(end), 0x49, 0x0d, 0],
  0x0b,
]

/** The four look-ups for the bytes of `word`, the lowest byte in the table at `lowestTable`, `stride` apart. */
function lookUp(word: Code, lowestTable: number, stride: number): Code {
  const entry = (byte: number) => {
    const index = byte === 0 ? shiftLeft(and(word, i32(0xff)), 2) : and(shiftRight(word, 8 * byte - 2), i32(0x3fc))
    return load32(index, lowestTable + byte * stride)
  }
  return xor(xor(entry(0), entry(1)), xor(entry(2), entry(3)))
}

/** Eight bytes of one lane through its register. */
function laneStep(lane: number, laneBytes: number): Code {
  const register = registerOf(lane)
  return [
    ...set(LOCAL.word, xor64(load64(get(LOCAL.at), lane * laneBytes), widen(get(register)))),
    ...set(LOCAL.low, lowHalf(get(LOCAL.word))),
    ...set(LOCAL.high, lowHalf(shiftRight64(get(LOCAL.word), 32))),
    ...set(
      register,
      xor(
        lookUp(get(LOCAL.low), 7 * TABLE_BYTES, -TABLE_BYTES),
        lookUp(get(LOCAL.high), 3 * TABLE_BYTES, -TABLE_BYTES),
      ),
    ),
  ]
}

function functionBody(laneBytes: number, movingAt: number): Code {
  const lanes = Array.from({ length: LANES }, (_, lane) => lane)
  const others = lanes.slice(1)
  const block = [
    ...set(LOCAL.laneEnd, add(get(LOCAL.at), i32(laneBytes))),
    ...others.flatMap((lane) => set(registerOf(lane), i32(0))),
    ...loopWhileBelow(
      [...lanes.flatMap((lane) => laneStep(lane, laneBytes)), ...set(LOCAL.at, add(get(LOCAL.at), i32(STEP_BYTES)))],
      LOCAL.at,
      LOCAL.laneEnd,
    ),
    ...others.flatMap((lane) =>
      set(LOCAL.register, xor(get(registerOf(lane)), lookUp(get(LOCAL.register), movingAt, TABLE_BYTES))),
    ),
    ...set(LOCAL.at, add(get(LOCAL.at), i32((LANES - 1) * laneBytes))),
  ]
  const i32Locals = LOCAL.firstOther + LANES - 1 - LOCAL.low
  const body = [2, 1, I64, i32Locals, I32, ...loopWhileBelow(block, LOCAL.at, LOCAL.end), ...get(LOCAL.register), 0x0b]
  return [...unsigned(body.length), ...body]
}

function assembleModule(): Uint8Array {
  const section = (id: number, entries: readonly Code[]): Code => {
    const content = [...unsigned(entries.length), ...entries.flat()]
    return [id, ...unsigned(content.length), ...content]
  }
  const exported = (name: string, kind: number, index: number): Code => [name.length, ...Buffer.from(name), kind, index]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(SECTION.type, [[0x60, 3, I32, I32, I32, 1, I32]]),
    ...section(
      SECTION.function,
      LANE_BYTES.map(() => [0]),
    ),
    ...section(SECTION.memory, [[0, 1]]),
    ...section(SECTION.export, [
      exported('memory', EXPORTS.memory, 0),
      ...LANE_BYTES.map((_, at) => exported(`run${at}`, EXPORTS.function, at)),
    ]),
    ...section(
      SECTION.code,
      LANE_BYTES.map((laneBytes, at) => functionBody(laneBytes, MOVING_AT + at * 4 * TABLE_BYTES)),
    ),
  ])
}
