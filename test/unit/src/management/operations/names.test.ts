import { describe, expect, it } from 'vitest'
import { prepareInitiatorName } from '../../../../../src/management/operations/names.ts'

describe('the name of an initiator', () => {
  it('is kept in its normal form', () => {
    expect(prepareInitiatorName(' iqn.2026-01.test.HOST:one ')).toBe('iqn.2026-01.test.host:one')
  })

  it.each([
    ['host', /"host": an iSCSI name begins with iqn\., eui\. or naa\.$/],
    ['*', /for everybody, say "\*" instead of a list$/],
  ])('is refused with what is allowed: %s', (name, message) => {
    expect(() => prepareInitiatorName(name)).toThrow(message)
  })
})
