/** The TLS handshake over a connection that is open already, so that its time and its failures are told apart. */
import { isIP, type Socket } from 'node:net';
import {
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { TlsOptions } from '../../model/check.ts';
import { durationText } from '../../model/units.ts';
import type { Attempt, Stage, Verdict } from '../attempt.ts';
import { bad, failed, reached, within } from '../attempt.ts';
import { badBecause, errorCode } from '../words.ts';

/**
 * `host` is what the certificate must be for, and the SNI unless it is an address (RFC 6066 section 3 allows names
 * only). Sessions are not resumed: each probe tests a whole handshake. The TLS socket must be destroyed after the
 * connection under it was hung up.
 */
export function shakeHands(
  attempt: Attempt,
  connection: Socket,
  options: TlsOptions,
  host: string,
): Promise<Stage<TLSSocket>> {
  const late = `TLS handshake not finished after ${durationText(attempt.target.check.timeout)}`;
  return within<Stage<TLSSocket>>(
    attempt,
    attempt.deadline,
    () => failed(bad('L6TOUT', late)),
    (done) => {
      const secure = connect({
        socket: connection,
        host,
        ...(isIP(host) === 0 ? { servername: host } : {}),
        secureContext: contextFor(options),
        rejectUnauthorized: options.verify,
        ALPNProtocols: ['http/1.1'],
      });
      secure.once('secureConnect', () => done(reached(secure)));
      secure.on('error', (error) => done(failed(handshakeFailure(error, host))));
      secure.once('close', () => done(failed(bad('L6RSP', CLOSED))));
    },
  );
}

/** Made once each: the verifying one holds some hundred authorities, several megabytes. */
const contexts: { verifying?: SecureContext; trusting?: SecureContext } = {};

/**
 * The authorities are Node's and the machine's own (/etc/ssl), since real servers often have certificates of a local
 * authority. They are read when first needed and not again.
 */
function contextFor(options: TlsOptions): SecureContext {
  if (!options.verify) {
    // An empty list of authorities keeps Node from parsing its own, which nobody would ask.
    contexts.trusting ??= createSecureContext({ ca: [] });
    return contexts.trusting;
  }
  contexts.verifying ??= createSecureContext({
    ca: [...getCACertificates('default'), ...getCACertificates('system')],
  });
  return contexts.verifying;
}

function handshakeFailure(error: Error, host: string): Verdict {
  const code = errorCode(error);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return bad('L6RSP', `certificate is not for ${host}`);
  if (CERTIFICATE_ERROR.test(code)) {
    // Node appends advice on its own command line after OpenSSL's words.
    return bad('L6RSP', `certificate refused: ${error.message.split(';')[0]}`);
  }
  if (NOT_TLS.has(code)) return bad('L6RSP', 'the answer is not TLS');
  if (code === 'ECONNRESET') return bad('L6RSP', CLOSED);
  const reason = 'reason' in error && typeof error.reason === 'string' ? error.reason : undefined;
  if (reason !== undefined) return bad('L6RSP', `TLS handshake failed: ${reason}`);
  return badBecause(error, 'L6RSP', 'TLS handshake failed: ');
}

const CLOSED = 'connection closed during the TLS handshake';
/** Node names OpenSSL's verification errors after X509_V_ERR_*: CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, … */
const CERTIFICATE_ERROR = /CERT|CRL|UNABLE_TO|^INVALID_(CA|PURPOSE)$|HOSTNAME_MISMATCH/;
/** What OpenSSL makes of an answer in another protocol, depending on its first bytes. */
const NOT_TLS: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_UNEXPECTED_MESSAGE',
  'ERR_SSL_RECORD_LAYER_FAILURE',
]);
