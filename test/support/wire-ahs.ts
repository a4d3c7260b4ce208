/** Additional header segments (RFC 7143 11.2.2) for the test initiator, and commands that nobody knows to go with them. */

/** The first half of a 32-byte CDB: VARIABLE LENGTH with a service action that nobody has. */
export const VARIABLE_LENGTH_CDB = Buffer.from([0x7f, 0, 0, 0, 0, 0, 0, 24, 0xff, 0xff, 0, 0, 0, 0, 0, 0])

/** A vendor's operation code (SPC-4) that nobody here has. */
export const UNKNOWN_CDB = Buffer.from([0xc5, 0, 0, 0, 0, 0, 0, 0, 1, 0])

/** An Extended CDB AHS (RFC 7143 11.2.2.3) with the bytes behind the sixteenth of a CDB. */
export function extendedCdbAhs(cdbBytes: Buffer = Buffer.alloc(16)): Buffer {
  const ahs = Buffer.alloc(4 + cdbBytes.length + (-cdbBytes.length & 3))
  ahs.writeUInt16BE(cdbBytes.length + 1)
  ahs[2] = 1
  cdbBytes.copy(ahs, 4)
  return ahs
}

/** A Bidirectional Read Expected Data Transfer Length AHS (RFC 7143 11.2.2.4). */
export function bidirectionalReadAhs(lengthBytes: number): Buffer {
  const ahs = Buffer.from([0, 5, 2, 0, 0, 0, 0, 0])
  ahs.writeUInt32BE(lengthBytes, 4)
  return ahs
}
