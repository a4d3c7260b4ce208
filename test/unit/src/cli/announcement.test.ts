import { describe, expect, it } from 'vitest'
import { type AnnouncedServer, announce } from '../../../../src/cli/announcement.ts'

const NAME = 'iqn.2024-01.com.example:x'
const DISK = { path: '/data/disk-0.img', sizeBytes: 1024 ** 3, blockLengthBytes: 512, readOnly: false, isNew: false }

const announced = (changes: Partial<AnnouncedServer> = {}) =>
  announce({
    endpoints: [{ host: '127.0.0.1', port: 3260 }],
    apiUrl: null,
    targetName: NAME,
    disks: [DISK],
    chapUsers: [],
    mutualChap: null,
    redirection: null,
    tls: null,
    reachableHost: (host) => host,
    ...changes,
  })

const CHAP = { user: 'alice', secretFile: '/etc/alice secret' }
const MUTUAL_CHAP = { user: "o'target", secretFile: 'target.secret' }

describe('the announcement', () => {
  it('has one line for machines for each portal, and one for the target', () => {
    const endpoints = [
      { host: '127.0.0.1', port: 3260 },
      { host: '::1', port: 3261 },
    ]
    const lines = announced({ endpoints }).split('\n')
    expect(lines).toContain('listening on 127.0.0.1:3260')
    expect(lines).toContain('listening on [::1]:3261')
    expect(lines).toContain(`target ${NAME}`)
  })

  it('names the API where there is one', () => {
    expect(announced({ apiUrl: 'http://127.0.0.1:3261' }).split('\n')).toContain('api on http://127.0.0.1:3261')
    expect(announced()).not.toContain('api on')
  })

  it('says where to look when the command line declares no disks', () => {
    const text = announced({ disks: [] })
    expect(text).toContain('Serving the disks that lunette lun list shows.\n')
    expect(text).not.toMatch(/LUN \d|iscsi-inq/)
  })

  it('describes every LUN in plain words', () => {
    const second = { ...DISK, path: '/b.img', blockLengthBytes: 4096, readOnly: true, isNew: true }
    const text = announced({ disks: [DISK, second] })
    expect(text).toContain('LUN 0: 1 GiB, 512-byte blocks, read and write: /data/disk-0.img\n')
    expect(text).toContain('LUN 1: 1 GiB, 4096-byte blocks, read only, made just now: /b.img\n')
  })

  it('says who can connect', () => {
    const endpoints = [{ host: '0.0.0.0', port: 3260 }]
    expect(announced()).toContain('Authentication: none.\nOnly programs on this machine')
    expect(announced({ endpoints })).toContain('Authentication: none. Everybody who reaches')
    expect(announced({ endpoints, chapUsers: [CHAP] })).toContain('CHAP, initiators log in as "alice".\n\n')
    expect(announced({ chapUsers: [CHAP], mutualChap: MUTUAL_CHAP })).toContain(
      'the target proves itself as "o\'target".\nOnly',
    )
  })

  it('names every user, and uses the first in the commands', () => {
    const text = announced({ chapUsers: [CHAP, { user: 'bob', secretFile: 'bob.secret' }] })
    expect(text).toContain('initiators log in as "alice" or "bob".')
    expect(text).toContain('export LIBISCSI_CHAP_USERNAME=alice\n')
    expect(text).not.toContain('bob.secret')
  })

  it('says where initiators are sent', () => {
    const addresses = [
      { host: 'fd00::7', port: 3260 },
      { host: 'san.example', port: 860 },
    ]
    const redirection = { addresses, isPermanent: false, isForEverybody: false }
    const where = '[fd00::7]:3260, san.example:860.\n'
    expect(announced({ redirection })).toContain(`are sent elsewhere, for the time being: ${where}`)
    expect(announced({ redirection: { ...redirection, isPermanent: true } })).toContain(`for good: ${where}`)
  })

  it('gives the commands of three initiators without CHAP', () => {
    expect(announced()).toContain(`
  iscsiadm -m discovery -t sendtargets -p 127.0.0.1:3260
  iscsiadm -m node -T ${NAME} -p 127.0.0.1:3260 --login
`)
    expect(announced()).toContain(`
  Set-Service MSiSCSI -StartupType Automatic; Start-Service MSiSCSI
  New-IscsiTargetPortal -TargetPortalAddress 127.0.0.1 -TargetPortalPortNumber 3260
  Get-IscsiTarget
  Connect-IscsiTarget -NodeAddress ${NAME} -TargetPortalAddress 127.0.0.1 -TargetPortalPortNumber 3260 -IsPersistent $true
`)
    expect(announced()).toContain(`
  iscsi-ls -s iscsi://127.0.0.1:3260
  iscsi-inq iscsi://127.0.0.1:3260/${NAME}/0
`)
  })

  it('gives the commands with mutual CHAP, secrets as files and quoted for each shell', () => {
    const text = announced({ chapUsers: [CHAP], mutualChap: MUTUAL_CHAP })
    const node = `iscsiadm -m node -T ${NAME} -p 127.0.0.1:3260`
    const discovery = 'iscsiadm -m discoverydb -t sendtargets -p 127.0.0.1:3260'
    expect(text).toContain(`
  ${discovery} -o new
  ${discovery} -o update -n discovery.sendtargets.auth.authmethod -v CHAP
  ${discovery} -o update -n discovery.sendtargets.auth.username -v alice
  ${discovery} -o update -n discovery.sendtargets.auth.password -v "$(cat '/etc/alice secret')"
  ${discovery} -o update -n discovery.sendtargets.auth.username_in -v 'o'\\''target'
  ${discovery} -o update -n discovery.sendtargets.auth.password_in -v "$(cat target.secret)"
  ${discovery} --discover
  ${node} -o update -n node.session.auth.authmethod -v CHAP
  ${node} -o update -n node.session.auth.username -v alice
  ${node} -o update -n node.session.auth.password -v "$(cat '/etc/alice secret')"
  ${node} -o update -n node.session.auth.username_in -v 'o'\\''target'
  ${node} -o update -n node.session.auth.password_in -v "$(cat target.secret)"
  ${node} --login
`)
    const authentication =
      "-AuthenticationType MUTUALCHAP -ChapUsername 'alice' -ChapSecret (Get-Content '/etc/alice secret')"
    expect(text).toContain(`
  Set-IscsiChapSecret -ChapSecret (Get-Content 'target.secret')
  New-IscsiTargetPortal -TargetPortalAddress 127.0.0.1 -TargetPortalPortNumber 3260 ${authentication}
`)
    expect(text).toContain(`${authentication} -IsPersistent $true`)
    expect(text).toContain(`
  export LIBISCSI_CHAP_USERNAME=alice
  export LIBISCSI_CHAP_PASSWORD="$(cat '/etc/alice secret')"
  export LIBISCSI_CHAP_TARGET_USERNAME='o'\\''target'
  export LIBISCSI_CHAP_TARGET_PASSWORD="$(cat target.secret)"
  iscsi-ls`)
  })

  it('quotes for PowerShell whatever PowerShell takes for a quote', () => {
    const text = announced({ chapUsers: [{ ...CHAP, user: "a'b\u2019c\u201bd" }] })
    expect(text).toContain("-ChapUsername 'a''b\u2019\u2019c\u201b\u201bd' -ChapSecret")
  })

  it('asks Windows for one-way CHAP when the target has nothing to prove', () => {
    const text = announced({ chapUsers: [CHAP] })
    expect(text).toContain('-AuthenticationType ONEWAYCHAP')
    expect(text).not.toContain('Set-IscsiChapSecret')
    expect(text).not.toContain('username_in')
    expect(text).not.toContain('CHAP_TARGET')
  })

  it('writes IPv6 with brackets in URLs and without them for Windows', () => {
    const text = announced({ endpoints: [{ host: 'fd00::5', port: 3261 }] })
    expect(text).toContain(`iscsi://[fd00::5]:3261/${NAME}/0`)
    expect(text).toContain('-p [fd00::5]:3261 --login')
    expect(text).toContain('-TargetPortalAddress fd00::5 -TargetPortalPortNumber 3261')
  })

  it('leads initiators to an address that they can reach', () => {
    const text = announced({ endpoints: [{ host: '0.0.0.0', port: 3260 }], reachableHost: () => '10.0.0.7' })
    expect(text).toContain('listening on 0.0.0.0:3260\n')
    expect(text).toContain('iscsi-ls -s iscsi://10.0.0.7:3260\n')
    expect(text).not.toContain('-p 0.0.0.0')
  })

  describe('of portals with TLS', () => {
    const request = { listen: [], certificateFile: 'server.crt', keyFile: 'server.key', clientCaFile: null }
    const tls = { endpoints: [{ host: '0.0.0.0', port: 3261 }], request }
    const mutual = { ...tls, request: { ...request, clientCaFile: 'ca.crt' } }
    const reachableHost = (host: string) => (host === '0.0.0.0' ? '10.0.0.7' : host)

    it('has lines for machines of its own, and begins with the tunnel', () => {
      const text = announced({ tls, reachableHost })
      expect(text).toMatch(/^listening on 127\.0\.0\.1:3260\nlistening with TLS on 0\.0\.0\.0:3261\ntarget /)
      expect(text).toContain('\n  lunette tunnel --connect 10.0.0.7:3261 --ca ca.crt\n')
      expect(announced({ tls: mutual, reachableHost })).toContain(
        '  lunette tunnel --connect 10.0.0.7:3261 --ca ca.crt --certificate initiator.crt --key initiator.key\n',
      )
    })

    it('has no commands that go around TLS when there is nothing else', () => {
      const text = announced({ endpoints: [], tls, reachableHost })
      expect(text).not.toMatch(/iscsiadm|iscsi-ls|TargetPortal/)
      expect(text).toContain('lunette tunnel')
    })

    it('says which option opens it to others', () => {
      const here = { ...tls, endpoints: [{ host: '127.0.0.1', port: 3261 }] }
      expect(announced({ tls: here })).toContain('; --listen opens it to others')
      expect(announced({ endpoints: [], tls: here })).toContain('; --tls-listen opens it to others')
    })

    it('says who can connect', () => {
      expect(announced({ tls })).toContain('Authentication: none. Everybody who reaches')
      expect(announced({ tls: mutual })).toContain('Authentication: none.\nThrough TLS, initiators show a certificate')
      expect(announced({ endpoints: [], tls: mutual })).toContain('Authentication: certificates.\nThrough TLS')
      expect(announced({ tls: mutual, chapUsers: [CHAP] })).toContain('log in as "alice".\nThrough TLS')
    })
  })
})
