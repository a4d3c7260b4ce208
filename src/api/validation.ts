/**
 * Requests are checked against the schemas that also type the handlers and make the OpenAPI document. Bodies have to be
 * right as they are; path and query, which are text, are first read as what the schema asks for. A complaint names the
 * value, what is wrong with it and what is allowed, the latter from the schema itself.
 */

import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { type FieldProblem, HttpProblem } from './problems.ts'

/** The parts of JSON Schema that a sentence about allowed values is made of. */
interface SchemaWords {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly SchemaWords[]
  readonly format?: string
  readonly pattern?: string
  readonly description?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: SchemaWords
  readonly properties?: Readonly<Record<string, SchemaWords>>
}

interface SchemaError {
  readonly keyword: string
  readonly instancePath: string
  readonly message?: string
  readonly params?: object
}

/** More complaints than this about one request help nobody. */
const PROBLEMS_MAX = 20

/** Parts of a request by Fastify's names for them, and how callers know them. */
const PART_NAMES: Readonly<Record<string, string>> = { params: 'path', querystring: 'query' }

/** Fastify's validator compiler. The error that a validator gives is an `HttpProblem`. */
export function compileValidator({ schema, httpPart = 'body' }: { schema: TSchema; httpPart?: string }) {
  const check = Compile(schema)
  return (given: unknown): { value: unknown } | { error: Error } => {
    const value = httpPart === 'body' ? given : Value.Convert(schema, given)
    if (check.Check(value)) return { value }
    return { error: invalid(PART_NAMES[httpPart] ?? httpPart, schema, check.Errors(value) as SchemaError[]) }
  }
}

function invalid(part: string, schema: SchemaWords, errors: readonly SchemaError[]): HttpProblem {
  const problems = new Map<string, FieldProblem>()
  for (const error of errors) {
    for (const problem of problemsOf(part, schema, error)) {
      if (!problems.has(problem.field)) problems.set(problem.field, problem)
    }
  }
  const fields = [...problems.values()].slice(0, PROBLEMS_MAX)
  const sentences = fields.map(({ field, problem, allowed }) =>
    allowed === null ? `${field} ${problem}` : `${field} ${problem}: allowed is ${allowed}`,
  )
  return new HttpProblem(400, sentences.join('; '), { fields })
}

function problemsOf(part: string, schema: SchemaWords, error: SchemaError): FieldProblem[] {
  const at = schemaAt(schema, error.instancePath)
  const { requiredProperties, additionalProperties } = (error.params ?? {}) as Record<string, string[] | undefined>
  switch (error.keyword) {
    case 'required':
      return (requiredProperties ?? []).map((name) => ({
        field: `${part}${error.instancePath}/${name}`,
        problem: 'is missing',
        allowed: describe(at?.properties?.[name]),
      }))
    case 'additionalProperties':
      return (additionalProperties ?? []).map((name) => ({
        field: `${part}${error.instancePath}/${name}`,
        problem: 'is unknown',
        allowed: Object.keys(at?.properties ?? {}).join(', ') || 'nothing',
      }))
    case 'boolean':
      // Said again, with what is allowed, by `additionalProperties`.
      return []
    default:
      return [
        { field: `${part}${error.instancePath}`, problem: error.message ?? 'is not valid', allowed: describe(at) },
      ].map((problem) => (problem.allowed === null ? problem : { ...problem, problem: 'is not valid' }))
  }
}

/** The schema of the value that a JSON pointer leads to, as far as it can be told without looking at the value. */
function schemaAt(schema: SchemaWords, pointer: string): SchemaWords | undefined {
  let at: SchemaWords | undefined = schema
  for (const token of pointer.split('/').slice(1)) {
    const name = token.replaceAll('~1', '/').replaceAll('~0', '~')
    const branches: readonly SchemaWords[] = at?.anyOf ?? (at === undefined ? [] : [at])
    at = branches.map((branch) => branch.properties?.[name] ?? branch.items).find((inner) => inner !== undefined)
  }
  return at
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'a GUID such as d5d23b6d-5a55-4492-9889-397a3c2d2dbc',
  'date-time': 'a time such as 2026-01-31T12:00:00Z',
}

/** What a schema admits, in words; null when there is nothing to say. */
function describe(schema: SchemaWords | undefined): string | null {
  if (schema === undefined) return null
  const { anyOf, description } = schema
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(', ')
  if (anyOf !== undefined) return anyOf.map(describe).join(' or ')
  const form = describeType(schema)
  return description === undefined ? form : `${form} (${description})`
}

function describeType(schema: SchemaWords): string {
  switch (schema.type) {
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'an integer' : 'a number'}${range(schema.minimum, schema.maximum)}`
    case 'string':
      return FORMATS[schema.format ?? ''] ?? `a text${range(schema.minLength, schema.maxLength, ' characters')}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list${range(schema.minItems, schema.maxItems, ' entries')} of ${describe(schema.items) ?? 'values'}`
    case 'object':
      return `an object with ${Object.keys(schema.properties ?? {}).join(', ') || 'names of your choice'}`
    default:
      return schema.type ?? 'anything'
  }
}

function range(least: number | undefined, most: number | undefined, unit = ''): string {
  if (least === undefined) return most === undefined ? '' : ` of at most ${most}${unit}`
  return most === undefined ? ` of at least ${least}${unit}` : ` from ${least} to ${most}${unit}`
}
