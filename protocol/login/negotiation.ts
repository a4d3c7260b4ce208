/**
 * The operational negotiation (RFC 7143 6.2, chapter 13): offers and preferences in, answers and results out. Pure,
 * total and deterministic; the order of the keys within one text changes no result. `negotiate` is called once per
 * text of the operational stage, `settle` once at its end; both only by the login machine.
 *
 * Every offer is answered with a value, also where the standard leaves the answer open, because initiators wait for
 * it. Keys that were not offered keep their defaults, whatever this side would have preferred.
 */

import {
  type Irrelevance,
  KEY_TABLE,
  type KeyRow,
  type NegotiatedValue,
  type ParameterName,
  type ParameterValue,
} from './key-table.ts'
import type { LoginPreferences, LoginRefusal } from './login-machine.ts'
import { refuse } from './login-status.ts'
import {
  CONNECTION_PARAMETER_DEFAULTS,
  type ConnectionParameters,
  SESSION_PARAMETER_DEFAULTS,
  type SessionParameters,
  type SessionType,
} from './parameters.ts'
import { isNumericalRange, parseNumericalValue, quote, type TextPair } from './text.ts'

type ParameterTypes = SessionParameters & ConnectionParameters

/** The results so far, of the keys that were exchanged. */
export type AgreedParameters = Readonly<Partial<ParameterTypes>>

export interface NegotiationRound {
  /** One per negotiated or unknown key, in the order of the offers. */
  readonly answers: readonly TextPair[]
  /** `known` and what this round added. */
  readonly agreed: AgreedParameters
}

const DEFAULTS: ParameterTypes = { ...SESSION_PARAMETER_DEFAULTS, ...CONNECTION_PARAMETER_DEFAULTS }

/**
 * Answers the offers of one text. `offers` are free of duplicates and misplaced keys; `known` is what earlier texts of
 * the same login agreed on.
 *
 * Errors: a refusal when a value is not of its key's type, or when nothing in a list is supported.
 * Spec: RFC 7143 6.2, 6.2.1, 6.2.2.
 */
export function negotiate(
  offers: readonly TextPair[],
  known: AgreedParameters,
  preferences: LoginPreferences,
  sessionType: SessionType,
): NegotiationRound | LoginRefusal {
  const preferred = preferredValues(preferences, sessionType)
  const fresh: Record<string, ParameterValue> = {}
  for (const offer of offers) {
    const role = KEY_TABLE.get(offer.key)?.role
    if (role?.kind === 'declared' && role.parameter !== undefined) {
      fresh[role.parameter] = parseNumericalValue(offer.value)!
    }
    if (role?.kind !== 'negotiated') continue
    const selection = select(role.value, offer.value, preferred[role.parameter])
    if (selection.kind === 'malformed') return refuse('initiatorError', `${offer.key}: ${selection.problem}`)
    if (selection.kind === 'selected') fresh[role.parameter] = selection.value
  }
  const agreed = { ...known, ...lowerToIntegrity(fresh, known) }
  return { answers: offers.flatMap((offer) => answerTo(offer, agreed, sessionType)), agreed }
}

/**
 * The outcome of the whole negotiation, with defaults for what was not exchanged.
 * Errors: a refusal when values that were agreed on one after the other contradict each other (RFC 7143 13.14).
 */
export function settle(
  agreed: AgreedParameters,
): { readonly session: SessionParameters; readonly connection: ConnectionParameters } | LoginRefusal {
  const all = { ...DEFAULTS, ...agreed }
  const isExchanged = agreed.firstBurstLength !== undefined && agreed.maxBurstLength !== undefined
  if (isExchanged && mayDataBeUnsolicited(all) && all.firstBurstLength > all.maxBurstLength) {
    const reason = `FirstBurstLength=${all.firstBurstLength} exceeds MaxBurstLength=${all.maxBurstLength}`
    return refuse('initiatorError', reason)
  }
  // An initiator that kept silent about one of the two, or that may not use it, cannot mean more than the rule allows.
  const firstBurstLength = Math.min(all.firstBurstLength, all.maxBurstLength)
  return {
    session: pick({ ...all, firstBurstLength }, SESSION_PARAMETER_DEFAULTS),
    connection: pick(all, CONNECTION_PARAMETER_DEFAULTS),
  }
}

/** A discovery session has one connection and no error recovery, whatever was offered (RFC 7143 13.21, 7.4.1). */
function preferredValues(preferences: LoginPreferences, sessionType: SessionType): ParameterTypes {
  const { maxConnections, errorRecoveryLevel } = SESSION_PARAMETER_DEFAULTS
  return {
    ...DEFAULTS,
    ...preferences.session,
    ...preferences.connection,
    ...(sessionType === 'Discovery' ? { maxConnections, errorRecoveryLevel } : {}),
  }
}

type Selection =
  | { readonly kind: 'selected'; readonly value: ParameterValue }
  /** Well-formed, but the result function has no admissible result for it. */
  | { readonly kind: 'inadmissible' }
  | { readonly kind: 'malformed'; readonly problem: string }

/** Applies a key's result function. `preferred` has the type of the key's parameter. */
function select(type: NegotiatedValue, offered: string, preferred: ParameterValue): Selection {
  switch (type.kind) {
    case 'boolean': {
      if (offered !== 'Yes' && offered !== 'No') return malformed(offered, 'Yes and No are allowed')
      const isYes = offered === 'Yes'
      return {
        kind: 'selected',
        value: type.result === 'and' ? isYes && preferred === true : isYes || preferred === true,
      }
    }
    case 'number': {
      const number = parseNumericalValue(offered)
      if (number === null && isNumericalRange(offered)) return { kind: 'inadmissible' }
      if (number === null) return malformed(offered, `a number from ${type.min} to ${type.max} is allowed`)
      const apply = type.result === 'minimum' ? Math.min : Math.max
      const value = apply(number, Number(preferred))
      return value >= type.min && value <= type.max ? { kind: 'selected', value } : { kind: 'inadmissible' }
    }
    case 'list': {
      const strongest = type.items.findIndex(({ value }) => value === preferred)
      const permitted = type.items.slice(0, strongest + 1)
      for (const text of offered.split(',')) {
        const item = permitted.find((candidate) => candidate.text === text)
        if (item !== undefined) return { kind: 'selected', value: item.value }
      }
      return malformed(offered, `nothing in the list is supported, ${permitted.map(({ text }) => text).join(', ')} is`)
    }
  }
}

function malformed(offered: string, allowed: string): Selection {
  return { kind: 'malformed', problem: `${quote(offered)} is offered, ${allowed}` }
}

/**
 * Lowers results of this round, before they are answered, until the integrity rules hold. The result functions of
 * these keys are Minimum, so lowering is always open to us.
 *
 * Spec: FirstBurstLength <= MaxBurstLength (13.14); MaxOutstandingR2T is 1 when ErrorRecoveryLevel is not 0 and
 * DataSequenceInOrder is Yes (13.19).
 */
function lowerToIntegrity(fresh: AgreedParameters, known: AgreedParameters): AgreedParameters {
  const all = { ...DEFAULTS, ...known, ...fresh }
  const lowered: { -readonly [name in keyof ParameterTypes]?: ParameterTypes[name] } = { ...fresh }
  if (fresh.firstBurstLength !== undefined) {
    lowered.firstBurstLength = Math.min(fresh.firstBurstLength, all.maxBurstLength)
  }
  if (all.errorRecoveryLevel > 0 && all.dataSequenceInOrder && all.maxOutstandingR2T > 1) {
    if (fresh.maxOutstandingR2T !== undefined) lowered.maxOutstandingR2T = 1
    else lowered.errorRecoveryLevel = 0
  }
  return lowered
}

function answerTo(offer: TextPair, agreed: AgreedParameters, sessionType: SessionType): readonly TextPair[] {
  const row = KEY_TABLE.get(offer.key)
  if (row === undefined) return [{ key: offer.key, value: 'NotUnderstood' }]
  switch (row.role.kind) {
    case 'negotiated': {
      const value = agreed[row.role.parameter]
      const isIrrelevant = value === undefined && isIrrelevantNow(row, agreed, sessionType)
      const answer = value === undefined ? (isIrrelevant ? 'Irrelevant' : 'Reject') : encodeValue(row.role.value, value)
      return [{ key: row.key, value: answer }]
    }
    case 'obsolete':
      return [{ key: row.key, value: row.role.answer }]
    default:
      return []
  }
}

function encodeValue(type: NegotiatedValue, value: ParameterValue): string {
  switch (type.kind) {
    case 'boolean':
      return value === true ? 'Yes' : 'No'
    case 'number':
      return String(value)
    case 'list':
      return type.items.find((item) => item.value === value)!.text
  }
}

function isIrrelevantNow(row: KeyRow, agreed: AgreedParameters, sessionType: SessionType): boolean {
  const holds: Record<Irrelevance, boolean> = {
    discovery: sessionType === 'Discovery',
    noUnsolicitedData: !mayDataBeUnsolicited({ ...DEFAULTS, ...agreed }),
  }
  return row.irrelevantWhen.some((irrelevance) => holds[irrelevance])
}

function mayDataBeUnsolicited({ initialR2T, immediateData }: ParameterTypes): boolean {
  return !initialR2T || immediateData
}

/** The part of `values` that has the names of `shape`. */
function pick<Shape extends object>(values: Shape, shape: Shape): Shape {
  const names = Object.keys(shape) as (keyof Shape & ParameterName)[]
  return Object.fromEntries(names.map((name) => [name, values[name]])) as Shape
}
