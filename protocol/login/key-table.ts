/**
 * The text keys of RFC 7143 chapters 12 and 13 and of RFC 7144 7.1.1, one row each: where a key may be used, by whom,
 * what it admits and how its result is found. Everything that this side does with a key is derived from its row; a key
 * without a row is answered NotUnderstood. Defaults are in `parameters.ts`.
 */

import type { ConnectionParameters, SessionParameters } from './parameters.ts'

/** RFC 7143 chapter 13: leading login only, any login only, full feature phase only, both phases. */
export type KeyUse = 'LO' | 'IO' | 'FFPO' | 'ALL'

/** The login stage that a key belongs to; `any` for the Any-Stage keys, `none` for keys that no login may carry. */
export type KeyStage = 'security' | 'operational' | 'any' | 'none'

export type ParameterName = keyof SessionParameters | keyof ConnectionParameters
export type ParameterValue = number | boolean | string

interface ListItem {
  readonly text: string
  readonly value: ParameterValue
}

/** How a negotiated key's answer follows from the offer and from this side's preference. */
export type NegotiatedValue =
  | { readonly kind: 'boolean'; readonly result: 'and' | 'or' }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly result: 'minimum' | 'maximum' }
  /** The items that exist, weakest first: a preference permits its own item and the weaker ones. */
  | { readonly kind: 'list'; readonly items: readonly ListItem[] }

/** What a declared key may say; no answer is due. */
export type DeclaredValue =
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'text'; readonly bytesMax: number | null }

export type KeyRole =
  | { readonly kind: 'negotiated'; readonly parameter: ParameterName; readonly value: NegotiatedValue }
  | { readonly kind: 'declared'; readonly value: DeclaredValue; readonly parameter?: ParameterName }
  /** Obsolete (13.25): always the same answer. */
  | { readonly kind: 'obsolete'; readonly answer: 'No' | 'Reject' }
  /** Handled by the authentication exchange (chapter 12). */
  | { readonly kind: 'authentication' }
  /** Asks for something (SendTargets). */
  | { readonly kind: 'request' }

/** When a key has no meaning: in discovery sessions, or when no unsolicited data may be sent. */
export type Irrelevance = 'discovery' | 'noUnsolicitedData'

export interface KeyRow {
  readonly key: string
  /** Of RFC 7143, unless it says otherwise. */
  readonly section: string
  readonly use: KeyUse
  readonly stage: KeyStage
  readonly scope: 'session' | 'connection'
  readonly senders: 'initiator' | 'target' | 'both'
  readonly role: KeyRole
  readonly irrelevantWhen: readonly Irrelevance[]
}

/** Bounds of the burst and segment lengths: 512 to 2^24 - 1. */
const LENGTH_BYTES = { min: 512, max: 2 ** 24 - 1 } as const
const SECONDS = { min: 0, max: 3600 } as const
const COUNT = { min: 1, max: 65_535 } as const
/** Names have checks of their own (`names.ts`), local names have none. */
const FREE_TEXT = { kind: 'text', bytesMax: null } as const

/** Weakest first. */
const DIGESTS: readonly ListItem[] = [
  { text: 'None', value: false },
  { text: 'CRC32C', value: true },
]
const TASK_REPORTING: readonly ListItem[] = [
  { text: 'RFC3720', value: 'RFC3720' },
  { text: 'ResponseFence', value: 'ResponseFence' },
  { text: 'FastAbort', value: 'FastAbort' },
]

const ROWS: readonly KeyRow[] = [
  authentication('AuthMethod', '12.1'),
  authentication('CHAP_A', '12.1.3'),
  authentication('CHAP_I', '12.1.3'),
  authentication('CHAP_C', '12.1.3'),
  authentication('CHAP_N', '12.1.3'),
  authentication('CHAP_R', '12.1.3'),
  digest('HeaderDigest', 'headerDigest'),
  digest('DataDigest', 'dataDigest'),
  negotiated('MaxConnections', '13.2', 'maxConnections', number(COUNT, 'minimum'), ['discovery']),
  {
    key: 'SendTargets',
    section: '13.3',
    use: 'FFPO',
    stage: 'none',
    scope: 'session',
    senders: 'initiator',
    role: { kind: 'request' },
    irrelevantWhen: [],
  },
  declared('TargetName', '13.4', 'IO', 'initiator', FREE_TEXT),
  declared('InitiatorName', '13.5', 'IO', 'initiator', FREE_TEXT),
  declared('TargetAlias', '13.6', 'ALL', 'target', FREE_TEXT),
  declared('InitiatorAlias', '13.7', 'ALL', 'initiator', FREE_TEXT),
  declared('TargetAddress', '13.8', 'ALL', 'target', FREE_TEXT),
  declared('TargetPortalGroupTag', '13.9', 'IO', 'target', { kind: 'number', min: 0, max: 65_535 }),
  negotiated('InitialR2T', '13.10', 'initialR2T', { kind: 'boolean', result: 'or' }, ['discovery']),
  negotiated('ImmediateData', '13.11', 'immediateData', { kind: 'boolean', result: 'and' }, ['discovery']),
  {
    key: 'MaxRecvDataSegmentLength',
    section: '13.12',
    use: 'ALL',
    stage: 'operational',
    scope: 'connection',
    senders: 'both',
    role: {
      kind: 'declared',
      value: { kind: 'number', ...LENGTH_BYTES },
      parameter: 'initiatorMaxRecvDataSegmentLength',
    },
    irrelevantWhen: [],
  },
  negotiated('MaxBurstLength', '13.13', 'maxBurstLength', number(LENGTH_BYTES, 'minimum'), ['discovery']),
  negotiated('FirstBurstLength', '13.14', 'firstBurstLength', number(LENGTH_BYTES, 'minimum'), [
    'discovery',
    'noUnsolicitedData',
  ]),
  negotiated('DefaultTime2Wait', '13.15', 'defaultTime2Wait', number(SECONDS, 'maximum')),
  negotiated('DefaultTime2Retain', '13.16', 'defaultTime2Retain', number(SECONDS, 'minimum')),
  negotiated('MaxOutstandingR2T', '13.17', 'maxOutstandingR2T', number(COUNT, 'minimum'), ['discovery']),
  negotiated('DataPDUInOrder', '13.18', 'dataPDUInOrder', { kind: 'boolean', result: 'or' }, ['discovery']),
  negotiated('DataSequenceInOrder', '13.19', 'dataSequenceInOrder', { kind: 'boolean', result: 'or' }, ['discovery']),
  negotiated('ErrorRecoveryLevel', '13.20', 'errorRecoveryLevel', number({ min: 0, max: 2 }, 'minimum')),
  declared('SessionType', '13.21', 'LO', 'initiator', { kind: 'words', words: ['Normal', 'Discovery'] }),
  negotiated('TaskReporting', '13.23', 'taskReporting', { kind: 'list', items: TASK_REPORTING }, ['discovery']),
  negotiated('iSCSIProtocolLevel', 'RFC 7144 7.1.1', 'iSCSIProtocolLevel', number({ min: 0, max: 31 }, 'minimum'), [
    'discovery',
  ]),
  obsolete('IFMarker', 'No'),
  obsolete('OFMarker', 'No'),
  obsolete('IFMarkInt', 'Reject'),
  obsolete('OFMarkInt', 'Reject'),
  {
    key: 'X#NodeArchitecture',
    section: '13.26',
    use: 'LO',
    stage: 'operational',
    scope: 'session',
    senders: 'both',
    role: { kind: 'declared', value: { kind: 'text', bytesMax: 255 } },
    irrelevantWhen: [],
  },
]

/** The table by key; keys are case-sensitive (6.1). */
export const KEY_TABLE: ReadonlyMap<string, KeyRow> = new Map(ROWS.map((row) => [row.key, row]))

function authentication(key: string, section: string): KeyRow {
  return {
    key,
    section,
    use: 'IO',
    stage: 'security',
    scope: 'connection',
    senders: 'both',
    role: { kind: 'authentication' },
    irrelevantWhen: [],
  }
}

function digest(key: string, parameter: 'headerDigest' | 'dataDigest'): KeyRow {
  return {
    key,
    section: '13.1',
    use: 'IO',
    stage: 'operational',
    scope: 'connection',
    senders: 'both',
    role: { kind: 'negotiated', parameter, value: { kind: 'list', items: DIGESTS } },
    irrelevantWhen: [],
  }
}

/** The session-wide operational keys: all of them negotiated on the leading connection only. */
function negotiated(
  key: string,
  section: string,
  parameter: keyof SessionParameters,
  value: NegotiatedValue,
  irrelevantWhen: readonly Irrelevance[] = [],
): KeyRow {
  return {
    key,
    section,
    use: 'LO',
    stage: 'operational',
    scope: 'session',
    senders: 'both',
    role: { kind: 'negotiated', parameter, value },
    irrelevantWhen,
  }
}

/** The Any-Stage declarations. */
function declared(
  key: string,
  section: string,
  use: KeyUse,
  senders: 'initiator' | 'target',
  value: DeclaredValue,
): KeyRow {
  return {
    key,
    section,
    use,
    stage: 'any',
    scope: 'session',
    senders,
    role: { kind: 'declared', value },
    irrelevantWhen: [],
  }
}

function obsolete(key: string, answer: 'No' | 'Reject'): KeyRow {
  return {
    key,
    section: '13.25',
    use: 'IO',
    stage: 'operational',
    scope: 'connection',
    senders: 'both',
    role: { kind: 'obsolete', answer },
    irrelevantWhen: [],
  }
}

function number(range: { readonly min: number; readonly max: number }, result: 'minimum' | 'maximum'): NegotiatedValue {
  return { kind: 'number', ...range, result }
}
