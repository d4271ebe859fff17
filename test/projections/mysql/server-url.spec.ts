import { kindOfVersion, parseMysqlUrl } from '../../../src/projections/mysql/server.js';

describe('the database URL', () => {
  it('names server, account and database', () => {
    expect(parseMysqlUrl('mysql://ticket%40office:p%3Aw%2F%25@db.example:3307/box_office')).toEqual({
      host: 'db.example',
      port: 3307,
      username: 'ticket@office',
      password: 'p:w/%',
      database: 'box_office',
      tls: false,
    });
  });

  it('may say mariadb, leave out the port, name an IPv6 address and ask for TLS', () => {
    expect(parseMysqlUrl('mariadb://u@[::1]/d')).toMatchObject({
      host: '::1',
      port: 3306,
      password: '',
      tls: false,
    });
    expect(parseMysqlUrl('mariadb://u@db/d?tls=true')).toMatchObject({ host: 'db', tls: true });
  });

  it.each(['127.0.0.1', '[::1]'])(
    'names the host %s otherwise with TLS: the certificate is for a name',
    (host) => {
      expect(() => parseMysqlUrl(`mysql://u:p@${host}/d?tls=true`)).toThrow(
        'must name the host as its certificate does',
      );
    },
  );

  it.each([
    '',
    'nonsense',
    'postgres://h/d',
    'mysql:///d',
    'mysql://h',
    'mysql://h/',
    'mysql://h/a/b',
    'mysql://h/d?ssl=1',
  ])('is refused as %p, without telling the password', (url) => {
    expect(() => parseMysqlUrl(url)).toThrow('the database URL');
  });
});

describe('the server', () => {
  it.each([
    ['8.0.19', 'mysql'],
    ['8.0.36-28', 'mysql'],
    ['8.4.10', 'mysql'],
    ['9.7.4-2', 'mysql'],
    ['10.6.0-MariaDB', 'mariadb'],
    ['10.11.19-MariaDB-0+deb12u1', 'mariadb'],
    ['11.4.2-MariaDB-log', 'mariadb'],
  ])('%s is known as %s', (version, kind) => {
    expect(kindOfVersion(version)).toBe(kind);
  });

  it.each(['8.0.18', '5.7.44', '10.5.23-MariaDB'])('%s is too old', (version) => {
    expect(() => kindOfVersion(version)).toThrow(`not ${version}`);
  });
});
