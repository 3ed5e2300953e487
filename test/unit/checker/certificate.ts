import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
  /** Where the certificate lies, until `remove`. */
  readonly file: string;
  remove(): void;
}

/** A self-signed certificate for `name`, made by openssl. */
export function makeCertificate(name: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'vipward-tls-'));
  const files = { key: join(directory, 'key.pem'), cert: join(directory, 'cert.pem') };
  const options = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const names = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
  execFileSync('openssl', ['req', '-x509', ...options, ...names, '-keyout', files.key, '-out', files.cert], {
    stdio: 'pipe',
  });
  return {
    key: readFileSync(files.key, 'utf8'),
    cert: readFileSync(files.cert, 'utf8'),
    file: files.cert,
    remove: () => rmSync(directory, { recursive: true }),
  };
}
