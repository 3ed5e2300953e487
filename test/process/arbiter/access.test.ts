/** Certificates and logins, against etcd servers that insist on them. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { arbiterOf, held, LEASE, setupOf, startDirector } from './director.ts';
import { type EtcdFiles, etcdctl, startEtcd } from './etcd-server.ts';

const openssl = (directory: string, ...words: readonly string[]) =>
  promisify(execFile)('openssl', words, { cwd: directory });

/** An authority of our own, and one certificate of it that serves both ends. */
async function makeCertificates(): Promise<EtcdFiles & { readonly directory: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'vipward-etcd-tls-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['-x509', '-subj', '/CN=lab', '-days', '1', '-keyout', 'ca.key', '-out', 'ca.pem'];
  await openssl(directory, 'req', ...newKey, ...ca);
  await openssl(directory, 'req', ...newKey, '-subj', '/CN=etcd', '-keyout', 'key.pem', '-out', 'req.pem');
  await writeFile(join(directory, 'ext'), 'subjectAltName=IP:127.0.0.1\n');
  const issuer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '1', '-extfile', 'ext'];
  await openssl(directory, 'x509', '-req', '-in', 'req.pem', '-out', 'cert.pem', ...issuer);
  const path = (name: string) => join(directory, name);
  return { directory, ca: path('ca.pem'), cert: path('cert.pem'), key: path('key.pem') };
}

describe('the arbiter behind TLS', () => {
  it('is spoken to with a certificate of ours, checked against the authority of the file', async () => {
    const files = await makeCertificates();
    const servers = await startEtcd(1, files);
    const tls = { caFile: files.ca, certFile: files.cert, keyFile: files.key };
    const director = await startDirector(setupOf('lb1', arbiterOf(servers, tls)));
    director.want('web');
    const lease = await held(director, 'web');
    await director.hear('lease', ({ heldUntil }) => (heldUntil ?? 0) > (lease.heldUntil ?? 0));
  });

  it('is refused without a certificate or with an unknown authority, says why, and takes up files put right', async () => {
    const files = await makeCertificates();
    const servers = await startEtcd(1, files);
    const ca = join(files.directory, 'mine.pem');
    const missing = await startDirector(setupOf('lb1', arbiterOf(servers, { caFile: files.ca })));
    missing.want('web');
    await missing.hear('log', ({ message }) => /certificate required|bad certificate|alert/.test(message));
    const tls = { caFile: ca, certFile: files.cert, keyFile: files.key };
    const director = await startDirector(setupOf('lb2', arbiterOf(servers, tls)));
    director.want('web');
    await director.hear('log', ({ message }) => message.includes(`no such file or directory, open '${ca}'`));
    await copyFile(files.ca, ca);
    await held(director, 'web');
    expect(missing.heard.some(({ type }) => type === 'lease')).toBe(false);
  });
});

describe('the arbiter behind a login', () => {
  it('is logged in to, again when etcd has forgotten, and waits patiently where the password is wrong', async () => {
    const [server] = await startEtcd();
    if (server === undefined) throw new Error('no etcd');
    await etcdctl(server.url, 'user', 'add', 'root:secret');
    await etcdctl(server.url, 'user', 'add', 'director:word');
    await etcdctl(server.url, 'role', 'add', 'vipward');
    await etcdctl(server.url, 'role', 'grant-permission', 'vipward', '--prefix', 'readwrite', '/vipward/');
    await etcdctl(server.url, 'user', 'grant-role', 'director', 'vipward');
    await etcdctl(server.url, 'user', 'grant-role', 'root', 'root');
    await etcdctl(server.url, 'auth', 'enable');
    const login = { user: 'director', password: 'word' };
    const director = await startDirector(setupOf('lb1', arbiterOf([server], { login })));
    director.want('web');
    await held(director, 'web');
    const wrong = await startDirector(
      setupOf('lb2', arbiterOf([server], { login: { ...login, password: 'wrong-one' } })),
    );
    wrong.want('web');
    const refusal = await wrong.hear('log', ({ message }) => message.includes('authentication failed'));
    expect(refusal.message).not.toContain('wrong-one');
    // Simple tokens live in the server's memory.
    await server.restart();
    const seen = director.heard.length;
    await director.hear('lease', ({ heldUntil, at }) => (heldUntil ?? 0) > at + LEASE * 500, seen);
    expect(wrong.heard.some(({ type }) => type === 'lease')).toBe(false);
  });

  it('says it once when the user may not write there', async () => {
    const [server] = await startEtcd();
    if (server === undefined) throw new Error('no etcd');
    await etcdctl(server.url, 'user', 'add', 'root:secret');
    await etcdctl(server.url, 'user', 'grant-role', 'root', 'root');
    await etcdctl(server.url, 'user', 'add', 'director:word');
    await etcdctl(server.url, 'auth', 'enable');
    const login = { user: 'director', password: 'word' };
    const director = await startDirector(setupOf('lb1', arbiterOf([server], { login })));
    director.want('web');
    await director.hear('log', ({ message }) => message.includes('permission denied'));
    director.want('mail');
    await expect
      .poll(async () => (await director.status()).units.map(({ state }) => state))
      .toEqual(['waiting', 'waiting']);
    const said = director.heard.filter((each) => each.type === 'log' && each.message.includes('permission'));
    expect(said).toHaveLength(1);
  });
});
