import { describe, expect, it } from 'vitest'
import {
  formatHResult,
  HRESULTS,
  type HResultName,
  hresultName,
  succeeded,
  VdsError,
} from '../../../../src/management/hresult.ts'

describe('HRESULTs', () => {
  it.each([
    ['VDS_E_NOT_SUPPORTED', 0x80042400],
    ['VDS_E_ANOTHER_CALL_IN_PROGRESS', 0x80042404],
    ['VDS_E_OBJECT_NOT_FOUND', 0x80042405],
    ['VDS_E_OPERATION_PENDING', 0x80042409],
    ['VDS_E_OBJECT_DELETED', 0x8004240b],
    ['VDS_E_PROVIDER_CACHE_CORRUPT', 0x8004241f],
    ['VDS_E_OBJECT_STATUS_FAILED', 0x80042431],
    ['VDS_E_CONFIG_LIMIT', 0x80042538],
    ['VDS_S_NAME_TRUNCATED', 0x00042700],
    ['VDS_E_NAME_NOT_UNIQUE', 0x80042701],
    ['VDS_E_ASSOCIATED_LUNS_EXIST', 0x8004270b],
    ['VDS_E_ASSOCIATED_PORTALS_EXIST', 0x8004270c],
    ['VDS_E_NO_IMPORT_TARGET', 0x80042713],
    ['VDS_S_ALREADY_EXISTS', 0x00042714],
    ['VDS_S_PROPERTIES_INCOMPLETE', 0x00042715],
    ['E_INVALIDARG', 0x80070057],
  ] as [HResultName, number][])('%s has its number of the header', (name, code) => {
    expect([HRESULTS[name], hresultName(code), new VdsError(name, '').code]).toEqual([code, name, code])
    expect(succeeded(code)).toBe(name.includes('_S_'))
  })

  it('are told apart by their numbers, each once', () => {
    const codes = Object.values(HRESULTS)
    expect(codes).toHaveLength(382 + 5)
    expect(new Set(codes).size).toBe(codes.length)
  })

  it('are successes by bit 31, whatever their names say', () => {
    expect(succeeded(HRESULTS.VDS_S_GPT_BOOT_MIRRORED_TO_MBR)).toBe(false)
    expect([HRESULTS.S_OK, HRESULTS.S_FALSE].map(succeeded)).toEqual([true, true])
  })

  it('are written with eight digits; unknown ones have no name', () => {
    expect([formatHResult(0), formatHResult(0x8004240b)]).toEqual(['0x00000000', '0x8004240B'])
    expect(hresultName(0x80049999)).toBeNull()
  })
})

describe('a failure', () => {
  it('is named after the method that callers know, once', () => {
    const cause = new Error('below')
    const failure = new VdsError('VDS_E_IO_ERROR', 'broken', { cause }).of('Lun.extend')
    expect(failure).toMatchObject({ name: 'VDS_E_IO_ERROR', message: 'broken', method: 'Lun.extend', cause })
    expect(failure.of('Other.method')).toBe(failure)
  })
})
