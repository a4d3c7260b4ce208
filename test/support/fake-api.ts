/**
 * An HTTP server that answers as the REST API does, from a table, and remembers what it was asked: for tests of what the
 * command line sends and prints, without a server behind it.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeRequest {
  readonly method: string
  /** Below `/api/v1`, with the query. */
  readonly path: string
  readonly body?: unknown
  readonly ifMatch?: string
}

export interface FakeAnswer {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** By `METHOD path`. A function gets the request. */
export type FakeAnswers = Record<string, FakeAnswer | ((request: FakeRequest) => FakeAnswer)>

export interface FakeApi extends AsyncDisposable {
  readonly url: string
  readonly token: string
  /** What was asked so far, but for plain questions. */
  readonly changes: readonly FakeRequest[]
  readonly requests: readonly FakeRequest[]
}

const TOKEN = 'lun_0123456789abcdef'

export async function startFakeApi(answers: FakeAnswers): Promise<FakeApi> {
  const requests: FakeRequest[] = []
  const server = createServer((request, response) => {
    void answer(request, response, answers, requests)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    token: TOKEN,
    requests,
    get changes() {
      return requests.filter(({ method }) => method !== 'GET')
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((done) => server.close(done))
    },
  }
}

async function answer(
  message: IncomingMessage,
  response: ServerResponse,
  answers: FakeAnswers,
  requests: FakeRequest[],
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  const ifMatch = message.headers['if-match']
  const request: FakeRequest = {
    method: message.method ?? '',
    path: (message.url ?? '').replace(/^\/api\/v1/, ''),
    ...(text === '' ? {} : { body: JSON.parse(text) }),
    ...(ifMatch === undefined ? {} : { ifMatch }),
  }
  requests.push(request)
  const known = answers[`${request.method} ${request.path}`]
  const isLetIn = message.headers.authorization === `Bearer ${TOKEN}`
  const {
    status = 200,
    body,
    headers = {},
  } = !isLetIn
    ? { status: 401, body: { detail: 'this token is not known' } }
    : typeof known === 'function'
      ? known(request)
      : (known ?? { status: 404, body: { detail: `there is no ${request.method} ${request.path}` } })
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers })
  response.end(body === undefined ? '' : isText ? body : JSON.stringify(body))
}

/** A job that is over, with what it made. */
export const doneJob = (output: unknown = null) => ({
  status: 200,
  body: {
    id: 'job-1',
    outputType: 'CREATELUN',
    percent: 100,
    isDone: true,
    hresult: '0x00000000',
    name: 'S_OK',
    output,
  },
})
