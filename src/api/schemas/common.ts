/** Parts that several resources have in common. What comes in admits no unknown names; what goes out is what stands here. */

import { type TProperties, type TSchema, Type } from 'typebox'

/** Something that a request says: unknown names are refused. */
export const request = <T extends TProperties>(properties: T, options: { readonly minProperties?: number } = {}) =>
  Type.Object(properties, { additionalProperties: false, ...options })

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

export const Id = Type.String({ format: 'uuid' })
export const Time = Type.String({ format: 'date-time' })
export const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
/** Control characters and the length in bytes are the object model's to judge. */
export const FriendlyName = Type.String({ maxLength: 1024 })
/** What is wrong with a name is the object model's to say. */
export const IscsiName = Type.String({ minLength: 1, maxLength: 512, description: 'an iSCSI name: iqn., eui. or naa.' })
export const UserName = Type.String({ minLength: 1, maxLength: 255, description: 'CHAP_N' })
export const HostName = Type.String({ minLength: 1, maxLength: 253 })
/** 255 bytes in base64 with its prefix, or as many characters of up to four bytes. */
export const Secret = Type.String({
  minLength: 1,
  maxLength: 512,
  description: 'the secret as text, or base64: and the base64 of its bytes; 12 to 255 bytes',
})
export const Status = Type.Enum(['online', 'offline'])
/** Of an object as it is, which may be worse than it was set. */
export const ReportedStatus = Type.String({ description: 'online, offline or failed' })
export const Origin = Type.Enum(['managed', 'commandLine'])

export const IdPath = request({ id: Id })
export const UserPath = request({ user: UserName })

export const Counters = Type.Object({
  readCommands: Type.Integer(),
  readBytes: Type.Integer(),
  writeCommands: Type.Integer(),
  writtenBytes: Type.Integer(),
})
