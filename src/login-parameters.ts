/**
 * `--parameter KEY=VALUE`: what this side would like each key of the operational negotiation (RFC 7143 chapter 13) to be.
 * What exists and what it admits is read from the key table; here is only what this target does less than that.
 */

import { type DeclaredValue, KEY_TABLE, type KeyRow, type NegotiatedValue } from '../protocol/login/key-table.ts'
import { parseNumericalValue } from '../protocol/login/text.ts'
import type { PreferredParameters } from './limits.ts'
import { suggestion } from './suggestion.ts'

type ParameterName = keyof PreferredParameters
type ParameterValue = PreferredParameters[ParameterName]

export type ParsedParameter =
  | { readonly kind: 'parameter'; readonly key: string; readonly name: ParameterName; readonly value: ParameterValue }
  | { readonly kind: 'invalid'; readonly reason: string }

interface Choice {
  readonly text: string
  readonly value: ParameterValue
}

/** What a key may be set to. */
type Admitted =
  | { readonly kind: 'number'; readonly min: number; readonly max: number }
  | { readonly kind: 'choices'; readonly choices: readonly Choice[] }

/** A key of the negotiation with the preference that it sets. */
interface ConfigurableKey {
  readonly key: string
  readonly name: ParameterName
  readonly admitted: Admitted
}

const YES: Choice = { text: 'Yes', value: true }
const NO: Choice = { text: 'No', value: false }

/** Where the standard admits more than this target does: data out of order, and levels that no standard defines yet. */
const NARROWED: Readonly<Record<string, Admitted>> = {
  DataPDUInOrder: { kind: 'choices', choices: [YES] },
  DataSequenceInOrder: { kind: 'choices', choices: [YES] },
  iSCSIProtocolLevel: { kind: 'number', min: 0, max: 2 },
}

const CONFIGURABLE_KEYS: readonly ConfigurableKey[] = [...KEY_TABLE.values()].flatMap(configurableKey)

/** The keys by name, in the order of the key table. */
export const PARAMETER_KEYS: readonly string[] = CONFIGURABLE_KEYS.map(({ key }) => key)

/** Read one `KEY=VALUE`. */
export function parseParameter(text: string): ParsedParameter {
  const [, key = '', valueText] = /^([^=]*)(?:=(.*))?$/s.exec(text)!
  const configurable = CONFIGURABLE_KEYS.find((candidate) => candidate.key === key)
  if (configurable === undefined) {
    const meant = suggestion(key, PARAMETER_KEYS)
    return { kind: 'invalid', reason: `names no key of the negotiation${meant}: lunette limits lists them` }
  }
  const { name, admitted } = configurable
  if (valueText === undefined) {
    return { kind: 'invalid', reason: `has no value: write ${key}=VALUE, with ${describe(admitted)}` }
  }
  const value = readValue(valueText, admitted)
  if (value === null) return { kind: 'invalid', reason: `is not possible: allowed is ${describe(admitted)}` }
  return { kind: 'parameter', key, name, value }
}

/** What a key may be set to, for people. */
export function describeAdmitted(key: string): string {
  return describe(CONFIGURABLE_KEYS.find((candidate) => candidate.key === key)!.admitted)
}

/** A preference in the words of its key. */
export function formatParameter(key: string, preferred: PreferredParameters): string {
  const { name, admitted } = CONFIGURABLE_KEYS.find((candidate) => candidate.key === key)!
  const value = preferred[name]
  if (admitted.kind === 'number') return String(value)
  return admitted.choices.find((choice) => choice.value === value)!.text
}

/** The key of a row, when it is one that preferences are about. */
function configurableKey({ key, role }: KeyRow): ConfigurableKey[] {
  if (role.kind !== 'negotiated' && role.kind !== 'declared') return []
  if (role.parameter === undefined) return []
  const isOwnDeclaration = role.parameter === 'initiatorMaxRecvDataSegmentLength'
  const name = isOwnDeclaration ? 'targetMaxRecvDataSegmentLength' : (role.parameter as ParameterName)
  return [{ key, name, admitted: NARROWED[key] ?? admittedBy(role.value) }]
}

function admittedBy(value: NegotiatedValue | DeclaredValue): Admitted {
  switch (value.kind) {
    case 'number':
      return { kind: 'number', min: value.min, max: value.max }
    case 'boolean':
      return { kind: 'choices', choices: [YES, NO] }
    case 'list':
      return { kind: 'choices', choices: value.items as readonly Choice[] }
    default:
      throw new Error(`a preference of kind ${value.kind} has no values to choose from`)
  }
}

function readValue(text: string, admitted: Admitted): ParameterValue | null {
  if (admitted.kind === 'choices') return admitted.choices.find((choice) => choice.text === text)?.value ?? null
  const number = parseNumericalValue(text)
  return number !== null && number >= admitted.min && number <= admitted.max ? number : null
}

function describe(admitted: Admitted): string {
  if (admitted.kind === 'number') return `a number from ${admitted.min} to ${admitted.max}`
  return admitted.choices.map(({ text }) => text).join(' or ')
}
