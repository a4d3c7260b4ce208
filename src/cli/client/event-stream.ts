/** Server-sent events (WHATWG HTML, 9.2.6) out of the bytes of a response, however they are cut. */

export interface ServerEvent {
  readonly id: string
  readonly type: string
  readonly data: string
}

/** Each event once its blank line has come; what follows the last blank line is dropped, as the standard wants. */
export async function* readEvents(bytes: AsyncIterable<Uint8Array>): AsyncIterable<ServerEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let id = ''
  let fields = { type: 'message', data: [] as string[] }
  for await (const chunk of bytes) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (fields.data.length > 0) yield { id, type: fields.type, data: fields.data.join('\n') }
        fields = { type: 'message', data: [] }
        continue
      }
      const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!
      if (name === 'id') id = value
      if (name === 'event') fields.type = value
      if (name === 'data') fields.data.push(value)
    }
  }
}
