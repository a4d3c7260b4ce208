import { describe, expect, it } from 'vitest'
import { readServeRequest, type ServeWords } from '../../../../src/cli/serve-request.ts'

const read = (words: Partial<ServeWords> = {}, files: readonly string[] = []) =>
  readServeRequest(files, { data: './lunette-data', logLevel: 'info', ...words })

const CHAP = { chapUser: ['alice'], chapSecretFile: ['alice.secret'] }
const MUTUAL_CHAP = { mutualChapUser: 'target', mutualChapSecretFile: 'target.secret' }

describe('readServeRequest', () => {
  it.each([
    [{ size: '1G' }, '--cd and --size exclude each other'],
    [{ blockSize: '4096' }, '--cd and --block-size exclude each other'],
  ])('refuses --cd with %o', (words, problem) => {
    expect(() => read({ cd: true, ...words }, ['a.iso'])).toThrow(problem)
    expect(read({ cd: true }, ['a.iso']).isCd).toBe(true)
  })

  it('without options asks for the default disk, on loopback', () => {
    expect(read()).toEqual({
      files: [],
      sizeBytes: null,
      listen: [{ host: '127.0.0.1', port: 3260, portalGroupTag: 1 }],
      tls: null,
      api: { listen: { host: '127.0.0.1', port: 3280 }, tls: null },
      portalGroupAccess: new Map(),
      dataDirectory: './lunette-data',
      targetName: null,
      redirection: null,
      isns: null,
      chapUsers: [],
      mutualChap: null,
      allowShortSecrets: false,
      limits: {},
      parameters: {},
      readOnly: false,
      blockLengthBytes: null,
      physicalBlockBytes: null,
      isCd: null,
      isRemovable: false,
      logLevel: 'info',
    })
  })

  it('takes every option', () => {
    const words = {
      ...CHAP,
      ...MUTUAL_CHAP,
      size: '10G',
      listen: ['[::1]:1', '192.168.1.5', '192.168.1.5:3261,65534'],
      tlsListen: ['192.168.1.5:3262'],
      tlsCertificate: 'server.crt',
      tlsKey: 'server.key',
      tlsClientCa: 'ca.crt',
      portalGroupState: ['65534=standby', '2=optimized,preferred'],
      redirect: ['192.168.1.6', '[fd00::6]:860'],
      redirectPermanently: true,
      chapInitiator: ['alice=IQN.2024-01.com.example:host', 'alice=iqn.2024-01.com.example:other'],
      isns: 'isns.example.com',
      isnsDomains: true,
      isnsPort: '3206',
      allowShortSecrets: true,
      limit: ['sessionsMax=5', 'loginTimeoutMs=3s'],
      parameter: ['MaxBurstLength=0x10000', 'HeaderDigest=None'],
      data: 'd',
      targetName: 'IQN.2024-01.com.example:x',
      readOnly: true,
      blockSize: '4096',
      api: false,
      physicalBlockSize: '8192',
      cd: false,
      removable: true,
      logLevel: 'silent',
    }
    expect(read(words, ['a', 'b'])).toEqual({
      files: ['a', 'b'],
      sizeBytes: 10 * 1024 ** 3,
      listen: [
        { host: '::1', port: 1, portalGroupTag: 1 },
        { host: '192.168.1.5', port: 3260, portalGroupTag: 1 },
        { host: '192.168.1.5', port: 3261, portalGroupTag: 65534 },
      ],
      tls: {
        listen: [{ host: '192.168.1.5', port: 3262, portalGroupTag: 2 }],
        certificateFile: 'server.crt',
        keyFile: 'server.key',
        clientCaFile: 'ca.crt',
      },
      portalGroupAccess: new Map([
        [65534, { state: 'standby', isPreferred: false }],
        [2, { state: 'optimized', isPreferred: true }],
      ]),
      dataDirectory: 'd',
      targetName: 'iqn.2024-01.com.example:x',
      redirection: {
        addresses: [
          { host: '192.168.1.6', port: 3260 },
          { host: 'fd00::6', port: 860 },
        ],
        isPermanent: true,
        isForEverybody: false,
      },
      isns: { host: 'isns.example.com', port: 3205, notificationPort: 3206, restrictsToDomains: true },
      chapUsers: [
        {
          user: 'alice',
          secretFile: 'alice.secret',
          initiatorNames: ['iqn.2024-01.com.example:host', 'iqn.2024-01.com.example:other'],
        },
      ],
      allowShortSecrets: true,
      limits: { sessionsMax: 5, loginTimeoutMs: 3000 },
      parameters: { maxBurstLength: 65_536, headerDigest: false },
      mutualChap: { user: 'target', secretFile: 'target.secret' },
      readOnly: true,
      blockLengthBytes: 4096,
      api: null,
      physicalBlockBytes: 8192,
      isCd: false,
      isRemovable: true,
      logLevel: 'silent',
    })
  })

  it.each<[Partial<ServeWords>, string]>([
    [{ size: '5X' }, '--size 5X is not a size'],
    [{ size: '1000' }, 'no multiple of the block size 512: the next lower one is 512'],
    [{ size: '512', blockSize: '4096' }, 'no multiple of the block size 4096: the least is 4096'],
    [{ cd: true }, '--cd needs a FILE'],
    [{ blockSize: '1024' }, '--block-size 1024 is not possible: allowed are 512 and 4096'],
    [{ blockSize: '0x200' }, 'allowed are 512 and 4096'],
    [{ logLevel: 'loud' }, 'allowed are fatal, error, warn, info, debug, trace, silent'],
    [
      { physicalBlockSize: '5000' },
      '--physical-block-size 5000 is not possible: allowed are powers of two from the block size 512 to 1048576',
    ],
    [
      { blockSize: '4096', physicalBlockSize: '512' },
      '--physical-block-size 512 is not possible: allowed are powers of two from the block size 4096 to 1048576',
    ],
    [{ targetName: 'disk' }, '--target-name disk is not possible: an iSCSI name begins with iqn.'],
    [{ targetName: 'iqn.2024-13.com.example' }, 'iqn.yyyy-mm.reversed.domain'],
    [{ listen: ['nowhere:x'] }, '--listen nowhere:x has a port'],
    [{ listen: ['127.0.0.1', '127.0.0.1:3260'] }, '--listen 127.0.0.1:3260 is given twice'],
    [{ chapUser: ['alice'] }, '--chap-user needs --chap-secret-file'],
    [{ chapUser: ['alice', 'bob'], chapSecretFile: ['f'] }, '--chap-user needs --chap-secret-file: 2 are given'],
    [{ chapSecretFile: ['f'] }, '--chap-secret-file needs --chap-user'],
    [{ chapUser: [''], chapSecretFile: ['f'] }, 'not a CHAP name'],
    [{ chapUser: ['a\nb'], chapSecretFile: ['f'] }, 'not a CHAP name'],
    [{ chapUser: ['a'.repeat(256)], chapSecretFile: ['f'] }, 'not a CHAP name'],
    [{ chapUser: ['alice'], chapSecretFile: [''] }, 'name a file'],
    [{ chapUser: ['alice', 'alice'], chapSecretFile: ['f', 'g'] }, '--chap-user alice is given twice'],
    [{ ...CHAP, chapInitiator: ['alice'] }, '--chap-initiator alice is not USER=NAME'],
    [{ ...CHAP, chapInitiator: ['bob=iqn.2024-01.com.example:h'] }, 'there is no --chap-user bob'],
    [{ ...CHAP, chapInitiator: ['alice=a b'] }, '--chap-initiator alice=a b: the character U+0020'],
    [{ listen: ['127.0.0.1:3260,1', '127.0.0.1:3260,2'] }, '--listen 127.0.0.1:3260,2 is given twice'],
    [{ listen: ['127.0.0.1,65536'] }, 'has a portal group tag that is not a number from 0 to 65535'],
    [{ listen: ['127.0.0.1:1,0', '127.0.0.1:2,65535'] }, 'tags 0 and 65535 cannot be used together'],
    [{ redirect: ['0.0.0.0'] }, '--redirect 0.0.0.0 leads nowhere: name one address'],
    [{ redirect: ['192.168.1.5:0'] }, '--redirect 192.168.1.5:0 has a port that is not a number from 1 to 65535'],
    [{ redirect: ['192.168.1.5:3260,1'] }, '--redirect 192.168.1.5:3260,1 has a port'],
    [{ redirect: Array<string>(17).fill('192.168.1.5') }, 'the most is 16'],
    [{ redirectPermanently: true }, '--redirect-permanently needs --redirect'],
    [{ redirectBeforeAuthentication: true }, '--redirect-before-authentication needs --redirect'],
    [{ limit: ['sessions=1'] }, '--limit sessions=1 names no limit (did you mean sessionsMax'],
    [{ limit: ['sessionsMax=1', 'sessionsMax=2'] }, '--limit sessionsMax=2: sessionsMax is given twice'],
    [
      { parameter: ['MaxBurst=1'] },
      '--parameter MaxBurst=1 names no key of the negotiation (did you mean MaxBurstLength?)',
    ],
    [{ parameter: ['InitialR2T=No', 'InitialR2T=Yes'] }, 'InitialR2T is given twice'],
    [
      { parameter: ['FirstBurstLength=2097152'] },
      '--parameter FirstBurstLength=2097152 exceeds MaxBurstLength, which is 1048576',
    ],
    [{ parameter: ['MaxBurstLength=512', 'FirstBurstLength=1024'] }, 'exceeds MaxBurstLength, which is 512'],
    [MUTUAL_CHAP, '--mutual-chap-user needs --chap-user'],
    [{ ...CHAP, mutualChapUser: 'target' }, '--mutual-chap-user needs --mutual-chap-secret-file'],
    [{ data: '' }, '--data is empty'],
  ])('refuses %j and says why', (words, message) => {
    expect(() => read(words)).toThrow(expect.objectContaining({ name: 'UsageError' }))
    expect(() => read(words)).toThrow(message)
  })

  it('refuses an empty file name and more files than LUNs', () => {
    expect(() => read({}, ['a', ''])).toThrow('a FILE is empty')
    expect(() =>
      read(
        {},
        Array.from({ length: 257 }, (_, lun) => `${lun}`),
      ),
    ).toThrow('the most is 256')
  })

  it('[PORT-1] [PORT-2] listens on port 3260 in one group unless asked otherwise, and never on a port of two groups', () => {
    expect(read({ listen: ['127.0.0.1', '[::1]'] }).listen).toEqual([
      { host: '127.0.0.1', port: 3260, portalGroupTag: 1 },
      { host: '::1', port: 3260, portalGroupTag: 1 },
    ])
    expect(() => read({ listen: ['127.0.0.1,1', '127.0.0.1,2'] })).toThrow('is given twice')
  })

  it('lets two portals ask for any free port', () => {
    expect(read({ listen: ['127.0.0.1:0', '127.0.0.1:0'] }).listen).toHaveLength(2)
  })
})

describe('listening beyond this machine', () => {
  it.each(['0.0.0.0', '[::]', '192.168.1.5', 'san.example.com'])(
    'at %s is refused without authentication, naming both ways out',
    (address) => {
      for (const listen of [[address], ['127.0.0.1', address]]) {
        expect(() => read({ listen })).toThrow(/--chap-user .* --allow-unauthenticated/)
        expect(read({ listen, ...CHAP }).listen).toHaveLength(listen.length)
        expect(read({ listen, allowUnauthenticated: true }).listen).toHaveLength(listen.length)
      }
    },
  )

  it.each(['127.0.0.1', '127.1.2.3:1', '[::1]', 'localhost'])('is not what %s does', (address) => {
    expect(read({ listen: [address] }).listen).toHaveLength(1)
  })

  const TLS = { tlsCertificate: 'server.crt', tlsKey: 'server.key' }

  it('is what a TLS portal does, unless clients need certificates', () => {
    const words = { ...TLS, tlsListen: ['192.168.1.5'] }
    expect(() => read(words)).toThrow(/--tls-listen 192\.168\.1\.5:3261 .* --tls-client-ca, .* --allow-unauthenticated/)
    expect(read({ ...words, tlsClientCa: 'ca.crt' }).listen).toEqual([])
    expect(read({ ...words, ...CHAP }).listen).toEqual([])
    expect(read({ ...words, allowUnauthenticated: true }).listen).toEqual([])
  })

  it('is what a portal without TLS does, also beside one that demands certificates', () => {
    const words = { ...TLS, tlsListen: ['192.168.1.5'], tlsClientCa: 'ca.crt', listen: ['192.168.1.5'] }
    expect(() => read(words)).toThrow(/--listen 192\.168\.1\.5:3260 would let everybody/)
  })

  it('may not have the numbers of two target ports that are one, with TLS or without', () => {
    const words = { ...TLS, listen: ['127.0.0.1,0'], tlsListen: ['127.0.0.1,65535'] }
    expect(() => read(words)).toThrow('portal group tags 0 and 65535 cannot be used together')
  })
})
