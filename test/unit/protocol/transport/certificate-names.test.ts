import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { certificateNames } from '../../../../protocol/transport/certificate-names.ts'
import { type CertificateWishes, createAuthority } from '../../../support/certificates.ts'

const authority = createAuthority()
const A = 'iqn.2026-11.com.example:a'
const B = 'iqn.2026-11.com.example:b'

/** The names in a certificate that holds what was wished for, as a TLS socket would show it. */
function namesOf(wishes: CertificateWishes): readonly string[] {
  return certificateNames(new X509Certificate(authority.issue(wishes).certificate).toLegacyObject())
}

describe('the iSCSI names of a certificate', () => {
  it.each<[string, CertificateWishes, readonly string[]]>([
    ['no name at all', {}, []],
    ['a host', { commonName: 'host.example.com', dnsNames: ['host.example.com'] }, []],
    ['one URI', { uris: [`iscsi:${A}`] }, [A]],
    ['several URIs among others', { uris: [`iscsi:${A}`, 'spiffe://x/y', `iscsi:${B}`], dnsNames: ['x'] }, [A, B]],
    ['the same name twice', { uris: [`iscsi:${A}`, `ISCSI:${A.toUpperCase()}`] }, [A]],
    [
      'eui and naa names',
      { uris: ['iscsi:eui.0123456789ABCDEF', 'iscsi:naa.52004567BA64678D'] },
      ['eui.0123456789abcdef', 'naa.52004567ba64678d'],
    ],
    ['letters beyond ASCII', { uris: ['iscsi:iqn.2026-11.com.example:%C3%84'] }, ['iqn.2026-11.com.example:\u00e4']],
    [
      'a name of the initiator kind that administrators type',
      { uris: ['iscsi:iqn.2026-11.com.example:a_b'] },
      ['iqn.2026-11.com.example:a_b'],
    ],
    ['a common name', { commonName: A }, [A]],
    ['a common name in another spelling', { commonName: A.toUpperCase() }, [A]],
    ['a common name that only contains one', { commonName: `${A} of host` }, []],
    ['a common name beside a URI', { commonName: B, uris: [`iscsi:${A}`] }, [A]],
    ['a common name beside a URI that is broken', { commonName: B, uris: ['iscsi:%zz'] }, []],
    ['a common name beside a URI with a comma', { commonName: B, uris: [`iscsi:${A},x`] }, []],
    ['a common name beside a URI beyond ASCII', { commonName: B, uris: [`iscsi:${A}\u00e9`] }, []],
    ['a common name beside an empty URI', { commonName: B, uris: ['iscsi:'] }, []],
    ['a common name beside other URIs', { commonName: A, uris: ['https://example.com'] }, [A]],
    ['a name without its scheme', { uris: [A] }, []],
    ['a name as DNS name', { dnsNames: [A, 'eui.0123456789abcdef'] }, []],
    ['a name hidden in another URI', { uris: [`x:y, URI:iscsi:${A}`] }, []],
    ['a name hidden in a DNS name', { dnsNames: [`x, URI:iscsi:${A}`, `x", URI:iscsi:${A}`] }, []],
    ['a name with a NUL behind it', { uris: [`iscsi:${A}\0.example.com`] }, []],
    ['a name with an encoded NUL', { uris: [`iscsi:${A}%00`] }, []],
  ])('with %s', (_what, wishes, names) => {
    expect(namesOf(wishes)).toEqual(names)
  })

  it('are none where the list is not written as expected, whatever the common name says', () => {
    const subject = { CN: A }
    for (const subjectaltname of ['URI:iscsi', 'URI:"iscsi', `DNS:"x"URI:iscsi:${B}`, `DNS:x,URI:iscsi:${B}`, 'junk']) {
      const names = certificateNames({ subject, subjectaltname })
      expect(names.includes(B)).toBe(false)
    }
    expect(certificateNames({ subject, subjectaltname: `DNS:x" URI:iscsi:${B}` })).toEqual([])
    expect(certificateNames({ subject: { CN: [A, B] } })).toEqual([])
  })

  it('come from a URI of their own and from nowhere else, whatever stands beside it', () => {
    const text = fc.string({ unit: fc.constantFrom(...'a1:.,"\' \\%/-=URI', 'URI:', 'iscsi:', A, ', '), maxLength: 12 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 4 }), fc.array(text, { maxLength: 4 }), (uris, dnsNames) => {
        const names = namesOf({ uris: [...uris, `iscsi:${B}`], dnsNames })
        const allowed = uris.filter((uri) => uri.startsWith('iscsi:')).map((uri) => uri.slice('iscsi:'.length))
        expect(names).toContain(B)
        for (const name of names) if (name !== B) expect(allowed.map(decoded)).toContain(name)
      }),
    )
  })
})

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).toLowerCase()
  } catch {
    return text
  }
}
