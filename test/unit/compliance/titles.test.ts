import { describe, expect, it } from 'vitest'
import { carriedIds, idsInTitle } from '../../compliance/titles.ts'

const carriedBy = (path: string, text: string) => Object.fromEntries(carriedIds([{ path, text }]))

describe('ids in titles', () => {
  it('are all that stand in brackets', () => {
    expect(idsInTitle('framing [PDU-5] [KEY-1] parses PDUs [1, 2] and SHA-256')).toEqual(['PDU-5', 'KEY-1'])
    expect(idsInTitle('reads')).toEqual([])
  })

  it('are found in the text of test files, in titles and in tables of cases', () => {
    const text = "const CASES = [{ id: 'KEY-3', digest: 'SHA-256' }]\nit('[PDU-1] works')"
    expect(carriedBy('test/conformance/a.test.ts', text)).toEqual({
      'test/conformance/a.test.ts': new Set(['PDU-1', 'KEY-3']),
    })
  })

  it('are no claims elsewhere', () => {
    expect(carriedBy('test/support/a.ts', '[PDU-1]')).toEqual({})
    expect(carriedBy('test/unit/compliance/a.test.ts', '[PDU-1]')).toEqual({})
    expect(carriedBy('test/unit/a.test.ts', "it('works')")).toEqual({})
  })
})
