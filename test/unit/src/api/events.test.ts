import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EventLog } from '../../../../src/api/event-stream.ts'
import { Notifications } from '../../../../src/management/notifications.ts'
import { type ApiFixture, SOON, startApiFixture } from '../../../support/api-fixture.ts'

interface Event {
  readonly id: string
  readonly name: string
  readonly data: Record<string, unknown>
}

/** Events out of the text of a stream. */
function parse(text: string): Event[] {
  return [...text.matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)\n\n/gm)].map(([, id, name, data]) => ({
    id: id!,
    name: name!,
    data: JSON.parse(data!),
  }))
}

let api: ApiFixture
beforeAll(async () => {
  api = await startApiFixture()
})
afterAll(() => api.close())

class Subscriber {
  readonly #end = new AbortController()
  #text = ''

  static async open(headers: Record<string, string> = {}): Promise<Subscriber> {
    const subscriber = new Subscriber()
    const authorization = `Bearer ${api.tokenOf('viewer')}`
    const response = await fetch(`${api.url}/api/v1/events`, {
      headers: { authorization, ...headers },
      signal: subscriber.#end.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    void subscriber.#read(response)
    await expect.poll(() => subscriber.#text).toContain('retry:')
    return subscriber
  }

  async #read(response: Response): Promise<void> {
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body!) this.#text += decoder.decode(chunk, { stream: true })
    } catch {
      // Ended by the test.
    }
  }

  get events(): Event[] {
    return parse(this.#text)
  }

  end(): void {
    this.#end.abort()
  }
}

const makeTarget = async () => (await api.done(201, 'POST', '/targets', { body: {}, headers: SOON })).output.id

describe('/events', () => {
  it('ends for who is let in no longer, before anything more is told', async () => {
    const { token, text } = api.tokens.create('leaver', 'viewer')
    const response = await fetch(`${api.url}/api/v1/events`, { headers: { authorization: `Bearer ${text}` } })
    api.tokens.remove(token.id)
    api.tokens.create('leaver', 'viewer')
    await makeTarget()
    expect(parse(await response.text())).toEqual([])
  })

  it('tells every subscriber of changes, with the names and numbers of VDS', async () => {
    const subscribers = await Promise.all([Subscriber.open(), Subscriber.open()])
    const id = await makeTarget()
    await api.done(200, 'DELETE', `/targets/${id}`, { headers: SOON })
    for (const subscriber of subscribers) {
      await expect
        .poll(() => subscriber.events.map(({ name }) => name))
        .toEqual(['VDS_NF_TARGET_ARRIVE', 'VDS_NF_TARGET_DEPART'])
      expect(subscriber.events[0]!.data).toMatchObject({ kind: 'object', objectType: 37, event: 126, id })
      subscriber.end()
    }
  })

  it('goes on after the last event that the caller has had', async () => {
    const first = await Subscriber.open()
    await makeTarget()
    await expect.poll(() => first.events).toHaveLength(1)
    first.end()
    await makeTarget()
    const second = await Subscriber.open({ 'last-event-id': first.events[0]!.id })
    await expect.poll(() => second.events.map(({ name }) => name)).toEqual(['VDS_NF_TARGET_ARRIVE'])
    expect(second.events[0]!.id).not.toBe(first.events[0]!.id)
    second.end()
  })

  it.each(['0123456789ab-1', 'nonsense'])('tells to refresh after an event that is not known: %s', async (id) => {
    const subscriber = await Subscriber.open({ 'last-event-id': id })
    await expect.poll(() => subscriber.events).toHaveLength(1)
    expect(subscriber.events[0]).toMatchObject({
      name: 'VDS_NF_SERVICE_OUT_OF_SYNC',
      data: { kind: 'refresh', event: 301, action: 1 },
    })
    subscriber.end()
  })

  it('ends when the server stops', async () => {
    const own = await startApiFixture()
    const response = await fetch(`${own.url}/api/v1/events`, {
      headers: { authorization: `Bearer ${own.tokenOf('viewer')}` },
    })
    await own.close()
    await expect(response.text()).resolves.toBe('retry: 1000\n\n')
  })
})

describe('an event log', () => {
  const change = { object: 'lun', change: 'modify', id: 'x' } as const
  const settle = () => new Promise((resolve) => setImmediate(resolve))

  it('tells who has fallen behind to refresh, and goes on with what is kept', async () => {
    const notifications = new Notifications(1000)
    const log = new EventLog(notifications, { eventsMax: 3 })
    const ended = new AbortController()
    const stream = log.stream(undefined, ended.signal)
    await stream.next()
    const before = stream.next()
    notifications.notify([change])
    const [event] = parse((await before).value)
    expect(event!.data.sequence).toBe(1)
    notifications.notify([change, change, change, change])
    await settle()
    expect(parse((await stream.next()).value)[0]!.name).toBe('VDS_NF_SERVICE_OUT_OF_SYNC')
    notifications.notify([change])
    expect(parse((await stream.next()).value)[0]!.data.sequence).toBe(6)

    const missed = log.stream(event!.id, ended.signal)
    await missed.next()
    expect(parse((await missed.next()).value)[0]!.name).toBe('VDS_NF_SERVICE_OUT_OF_SYNC')
    ended.abort()
    log.close()
  })

  it('says now and then that it is still there', async () => {
    const log = new EventLog(new Notifications(1000), { heartbeatMs: 1 })
    const ended = new AbortController()
    const stream = log.stream(undefined, ended.signal)
    await stream.next()
    expect((await stream.next()).value).toMatch(/^:.*\n\n$/)
    ended.abort()
    expect((await stream.next()).done).toBe(true)
    log.close()
  })

  it('ends at once also when it is closed while an event is read', async () => {
    const notifications = new Notifications(1000)
    const log = new EventLog(notifications)
    const ended = new AbortController()
    const stream = log.stream(undefined, ended.signal)
    await stream.next()
    const event = stream.next()
    notifications.notify([{ object: 'lun', change: 'modify', id: 'a' }])
    expect(parse((await event).value)).toHaveLength(1)
    ended.abort()
    expect((await stream.next()).done).toBe(true)
    log.close()
  })
})
