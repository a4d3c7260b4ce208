/** The tables of docs/management/api.md, from the OpenAPI document that the server gives about itself. */

import { join } from 'node:path'
import { ROOT } from '../tidy/source-files.ts'
import { startApiFixture } from './api-fixture.ts'
import { formatMarkdownTable } from './markdown-table.ts'

export const API_GUIDE = join(ROOT, 'docs/management/api.md')

interface Schema {
  readonly title?: string
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly description?: string
  readonly format?: string
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Body {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>
}

interface Operation {
  readonly summary: string
  readonly tags: readonly string[]
  readonly 'x-access': string
  readonly parameters?: readonly { readonly name: string; readonly in: string }[]
  readonly requestBody?: Body
  readonly responses: Readonly<Record<string, Body>>
}

export interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

export async function readOpenApi(): Promise<OpenApi> {
  await using api = await startApiFixture()
  return await api.done(200, 'GET', '//openapi.json')
}

/** By the name under which the guide marks their place. */
export async function apiTables(): Promise<Readonly<Record<string, string>>> {
  const document = await readOpenApi()
  return { requests: formatRequests(document), objects: formatObjects(document) }
}

function formatRequests({ paths }: OpenApi): string {
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ request: `${method.toUpperCase()} ${path}`, operation })),
  )
  const byTag = Map.groupBy(rows, ({ operation }) => operation.tags[0] ?? '')
  return [...byTag]
    .map(([tag, own]) => {
      const table = formatMarkdownTable(
        ['Request', 'What it does', 'Role', 'Takes', 'Answers'],
        own.map(({ request, operation }) => [
          `\`${request.replace('/api/v1', '')}\``,
          operation.summary,
          operation['x-access'],
          takes(operation),
          answers(operation),
        ]),
      )
      return `### ${tag}\n\n${table}`
    })
    .join('\n\n')
}

function takes({ parameters = [], requestBody }: Operation): string {
  const query = parameters.filter(({ in: place }) => place === 'query').map(({ name }) => `\`?${name}=\``)
  const { properties = {}, required = [] } = jsonOf(requestBody) ?? {}
  const fields = Object.keys(properties).map((name) => `\`${name}${required.includes(name) ? '' : '?'}\``)
  return [...query, ...fields].join(' ')
}

function answers({ responses }: Operation): string {
  return Object.entries(responses)
    .filter(([status]) => /^[0-9]+$/.test(status))
    .map(([status, body]) => [status, typeName(jsonOf(body))].filter(Boolean).join(' '))
    .join(', ')
}

const jsonOf = (body: Body | undefined): Schema | undefined => body?.content?.['application/json']?.schema

function typeName(schema: Schema | undefined): string {
  if (schema === undefined || schema.type === 'null') return ''
  if (schema.title !== undefined) return schema.title
  return schema.type === 'array' ? `list of ${formOf(schema.items ?? {})}` : ''
}

function formatObjects({ paths }: OpenApi): string {
  const schemas = new Map<string, Schema>()
  const collect = (schema: Schema | undefined): void => {
    if (schema === undefined) return
    if (schema.title !== undefined) schemas.set(schema.title, schema)
    for (const inner of [schema.items, ...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? [])])
      collect(inner)
  }
  for (const { responses } of Object.values(paths).flatMap((methods) => Object.values(methods))) {
    for (const body of Object.values(responses)) collect(jsonOf(body))
  }
  return [...schemas]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([title, { properties = {} }]) => {
      const rows = Object.entries(properties).map(([name, schema]) => [
        `\`${name}\``,
        formOf(schema),
        meaningOf(schema),
      ])
      return `### ${title}\n\n${formatMarkdownTable(['Field', 'Form', 'Meaning'], rows)}`
    })
    .join('\n\n')
}

function formOf(schema: Schema): string {
  if (schema.title !== undefined) return schema.title
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ')
  if (schema.anyOf !== undefined) return schema.anyOf.map(formOf).join(' or ')
  if (schema.type === 'array') return `list of ${formOf(schema.items ?? {})}`
  if (schema.type === 'object') {
    const names = Object.keys(schema.properties ?? {})
    return names.length === 0 ? 'names and values' : `{${names.join(', ')}}`
  }
  if (schema.format === 'uuid') return 'GUID'
  if (schema.format === 'date-time') return 'time'
  return schema.type ?? 'anything'
}

function meaningOf({ description, anyOf = [] }: Schema): string {
  return description ?? anyOf.map((schema) => schema.description).find((text) => text !== undefined) ?? ''
}
