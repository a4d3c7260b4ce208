/**
 * SAM-5's transport protocol services, as the device server calls them. The SCSI side knows nothing of the
 * transport but this interface; `src/bridge.ts` implements it over iSCSI, tests with a recorder.
 *
 * Data-In memory belongs to the transport: the device server borrows it with `dataInBuffer`, fills every byte, and
 * hands it back with `sendDataIn`. Data-Out memory belongs to the transport too: the slices given to a `DataOutSink`
 * stay valid until the device server says `dataOutConsumed` for them.
 *
 * For each command the device server calls `sendCommandComplete` or `commandAborted` exactly once, as its last call.
 * After `commandAborted` it touches neither the command nor borrowed memory again.
 */

import type { Command } from './command.ts'

/**
 * Receives a command's Data-Out, piece by piece in increasing offset order.
 * `slices` hold `byteCount` bytes that belong at `bufferOffsetBytes` of the command's Data-Out buffer.
 */
export type DataOutSink = (slices: readonly Buffer[], bufferOffsetBytes: number, byteCount: number) => void

export interface TransportServices {
  /**
   * Memory for the next `byteCount` bytes of Data-In, uninitialised.
   * Units: 1 to `DATA_IN_PIECE_BYTES_MAX` bytes; never more than fits the command's `dataInCapacityBytes`.
   */
  dataInBuffer(command: Command, byteCount: number): Buffer

  /**
   * Send Data-In: `data` holds the bytes from `bufferOffsetBytes` on; either borrowed with `dataInBuffer` or memory
   * that the caller never touches again. `isLast` promises that `sendCommandComplete` follows at once, so that the
   * transport may put the status into the last data unit. `delivered` (Data-In Delivered) is called, possibly before
   * the call returns, when the transport wants the next piece: the device server asks for no more memory before it.
   */
  sendDataIn(
    command: Command,
    data: Buffer,
    bufferOffsetBytes: number,
    isLast: boolean,
    delivered: (() => void) | null,
  ): void

  /**
   * Receive Data-Out: have the first `byteCount` bytes of the Data-Out buffer delivered to `sink`.
   * Units: 1 to the command's `dataOutCapacityBytes`. The sink may be called before this call returns.
   */
  receiveDataOut(command: Command, byteCount: number, sink: DataOutSink): void

  /** The device server is done with `byteCount` bytes that the sink got; lets the transport ask for more. */
  dataOutConsumed(command: Command, byteCount: number): void

  /** Send Command Complete: `command.status`, `command.sense` and `command.presentedDataBytes` are final. */
  sendCommandComplete(command: Command): void

  /** The command ended without a response (aborted by task management or nexus loss). */
  commandAborted(command: Command): void
}

/** The largest piece of Data-In that the device server asks memory for at once; longer transfers go piece by piece. */
export const DATA_IN_PIECE_BYTES_MAX = 256 * 1024
