/**
 * The numbers of an iSNSP message header (RFC 4171 5.1) and of the bitmaps that this client uses (6.2.2, 6.4.2, 6.4.4),
 * each once and under the name that the RFC gives it.
 */

/** The registered TCP port of iSNS servers (RFC 4171 2.9). */
export const ISNS_PORT = 3205

/** RFC 4171 5.1.1. */
export const ISNSP_VERSION = 1

/** Requests of an iSCSI target or to it (RFC 4171 4.1.3). */
export const FUNCTION = {
  DevAttrReg: 0x0001,
  DevAttrQry: 0x0002,
  DevDereg: 0x0004,
  SCNReg: 0x0005,
  SCN: 0x0008,
  ESI: 0x000d,
} as const
export type FunctionName = keyof typeof FUNCTION

/** The bit that makes a function ID that of the response (RFC 4171 5.1.2). */
export const RESPONSE_BIT = 0x8000

/** RFC 4171 5.1.4: bit 16 of the second header word is the most significant bit of FLAGS. */
export const FLAG = {
  client: 0x8000,
  server: 0x4000,
  authenticationBlock: 0x2000,
  replace: 0x1000,
  lastPdu: 0x0800,
  firstPdu: 0x0400,
} as const

/** Entity Protocol (RFC 4171 6.2.2). */
export const ENTITY_PROTOCOL_ISCSI = 2

/** iSCSI Node Type (RFC 4171 6.4.2). */
export const NODE_TYPE = { target: 0x1, initiator: 0x2 } as const

/** The bits of the iSCSI Node SCN Bitmap that a node which is no control node may set (RFC 4171 6.4.4). */
export const SCN_BITMAP = {
  initiatorAndSelfInformationOnly: 0x80,
  objectRemoved: 0x10,
  objectAdded: 0x08,
  objectUpdated: 0x04,
} as const

/** "DevAttrReg", "DevAttrRegRsp" or the number, for messages to people. */
export function functionName(functionId: number): string {
  const request = functionId & ~RESPONSE_BIT
  const name = Object.entries(FUNCTION).find(([, id]) => id === request)?.[0]
  if (name === undefined) return `function 0x${functionId.toString(16).padStart(4, '0')}`
  return functionId === request ? name : `${name}Rsp`
}
