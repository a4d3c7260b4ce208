/**
 * CRC32C as RFC 7143 13.1 puts it on the wire, bit by bit from the polynomial, for the test initiator only: it shares
 * nothing with the target's own implementation, so that an error common to both sides of a connection cannot hide.
 */

const REFLECTED_CASTAGNOLI = 0x82f63b78

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? REFLECTED_CASTAGNOLI : 0)
  return remainder
})

/** The four digest bytes of `bytes`, in the order in which they are sent. */
export function crc32cDigest(bytes: Buffer): Buffer {
  let crc = 0xffffffff
  for (const byte of bytes) crc = (crc >>> 8) ^ TABLE[(crc ^ byte) & 0xff]!
  const digest = Buffer.alloc(4)
  digest.writeUInt32LE(~crc >>> 0)
  return digest
}
