import { pino } from 'pino'
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { apiRoutes } from '../../../../src/api/api.ts'
import { EventLog } from '../../../../src/api/event-stream.ts'
import { createMetrics } from '../../../../src/api/metrics.ts'
import { createApiServer } from '../../../../src/api/server.ts'
import { Tokens } from '../../../../src/api/tokens.ts'
import { MemoryTokenStore } from '../../../support/api-fixture.ts'
import { readOpenApi } from '../../../support/api-reference.ts'
import { startManagement } from '../../../support/management-fixture.ts'

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly {
    readonly name: string
    readonly in: string
    readonly required?: boolean
    readonly schema: object
  }[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> }
  readonly responses: Record<
    string,
    { readonly description?: string; readonly content?: Record<string, { readonly schema: object }> }
  >
}

const document = await readOpenApi()
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods as unknown as Record<string, Operation>).map(([method, operation]) => ({
    path,
    method,
    operation,
  })),
)

describe('the OpenAPI document', () => {
  it('is of version 3.1 with what that demands', () => {
    expect(document).toMatchObject({
      openapi: expect.stringMatching(/^3\.1\.\d+$/),
      info: { title: expect.any(String), version: expect.any(String) },
    })
    for (const { path, operation } of operations) {
      expect(path).toMatch(/^\//)
      const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name)
      const inPath = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path')
      expect(inPath.map(({ name }) => name)).toEqual(names)
      expect(inPath.every(({ required }) => required === true)).toBe(true)
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0)
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^(default|[1-5](\d\d|XX))$/)
        expect(typeof response.description).toBe('string')
      }
    }
  })

  it('names every operation, each by a name of its own', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(ids.filter((id) => id === undefined)).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
    for (const { operation } of operations) {
      expect(operation.summary).toBeTruthy()
      expect(operation.tags).toHaveLength(1)
    }
  })

  it('has only schemas that are JSON Schema', () => {
    const schemas = operations.flatMap(({ operation: { parameters = [], requestBody, responses } }) => [
      ...parameters.map(({ schema }) => schema),
      ...Object.values(requestBody?.content ?? {}).map(({ schema }) => schema),
      ...Object.values(responses).flatMap(({ content = {} }) => Object.values(content).map(({ schema }) => schema)),
    ])
    expect(schemas.length).toBeGreaterThan(100)
    for (const schema of schemas) expect(() => Compile(schema)).not.toThrow()
  })

  it('says what lets in, and how it refuses', () => {
    for (const { path, operation } of operations) {
      expect(operation.security).toEqual(['/healthz', '/readyz'].includes(path) ? [] : [{ token: [] }])
      expect(Object.keys(operation.responses['4XX']?.content ?? {})).toEqual(['application/problem+json'])
    }
  })

  it('has every route that there is', async () => {
    const { management } = await startManagement()
    const { dataPlane } = management
    const log = pino({ level: 'silent' })
    const options = {
      management,
      metricsSource: { logicalUnits: () => [], targets: () => [] },
      listen: { host: '127.0.0.1', port: 0 },
      tls: null,
      mayBeUnencrypted: false,
      hostNames: [],
      tokens: new Tokens(new MemoryTokenStore()),
      log,
      version: '1',
      scratchDirectory: '/',
    }
    const events = new EventLog(management.notifications)
    const source = options.metricsSource
    const metrics = createMetrics({ configuration: () => management.configuration, dataPlane, source, version: '1' })
    const registered: string[] = []
    const api = await createApiServer(
      options,
      (scope, closing) => {
        scope.addHook('onRoute', ({ method, url }) => void registered.push(`${method} ${url}`))
        return apiRoutes(options, events, metrics)(scope, closing)
      },
      new AbortController().signal,
    )
    await api.close()
    events.close()
    metrics.close()
    await management.close()
    const documented = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    const asTemplate = registered.map((route) => route.replaceAll(/:(\w+)/g, '{$1}'))
    expect([...asTemplate, 'GET /openapi.json'].toSorted()).toEqual(documented.toSorted())
  })
})
