/** Healthy when a GET over a new connection is answered with an accepted status. Redirects are not followed. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { CheckTarget, HttpProbe, StatusRange } from '../../model/check.ts';
import { durationText } from '../../model/units.ts';
import { endpoint } from '../../model/virtual-server.ts';
import type { Attempt, ProbeKind, Verdict } from '../attempt.ts';
import { bad, within } from '../attempt.ts';
import { hangUp, openConnection } from '../tcp/connect.ts';
import { shakeHands } from '../tls/handshake.ts';
import { badBecause, errorCode } from '../words.ts';
import { type Answer, exchange, LARGEST_HEAD } from './exchange.ts';

export const probeHttp =
  (probe: HttpProbe): ProbeKind =>
  async (attempt) => {
    const connection = await openConnection(attempt);
    if (!connection.reached) return connection.verdict;
    try {
      if (probe.tls === undefined) return await ask(attempt, probe, connection.value, connection.value);
      const host = probe.host ?? attempt.target.address;
      const secure = await shakeHands(attempt, connection.value, probe.tls, host);
      return secure.reached ? await ask(attempt, probe, connection.value, secure.value) : secure.verdict;
    } finally {
      // A TLS socket over it closes with it.
      hangUp(connection.value);
    }
  };

function ask(attempt: Attempt, probe: HttpProbe, connection: Socket, stream: Duplex): Promise<Verdict> {
  const request = { path: probe.path, host: probe.host ?? hostHeader(attempt.target, probe) };
  const late = bad('L7TOUT', `no answer after ${durationText(attempt.target.check.timeout)}`);
  return within<Verdict>(
    attempt,
    attempt.deadline,
    () => late,
    (done) =>
      exchange(stream, request, (answer) => {
        // At once, or undici would close a finished exchange with FIN.
        hangUp(connection);
        done(judge(answer, probe.status));
      }),
  );
}

/** The verdict on an answer; pure. */
export function judge(answer: Answer, accepted: readonly StatusRange[]): Verdict {
  if ('status' in answer) {
    const { status } = answer;
    return accepted.some(({ from, to }) => from <= status && status <= to)
      ? { good: true, code: 'L7OK', text: `status ${status}` }
      : bad('L7STS', `status ${status}, want ${rangesText(accepted)}`);
  }
  const { error } = answer;
  const text = answerErrorText(error);
  if (text !== undefined) return bad('L7RSP', text);
  // A fault of our own must not count against the real server.
  return badBecause(error, isOfTheConnection(error) ? 'L7RSP' : 'CHKERR');
}

/** Whether an error came from what the real server sent, or from the system's dealings with it. */
const isOfTheConnection = (error: Error): boolean =>
  'syscall' in error || /^(UND_ERR|ERR_SSL|ERR_ASSERTION)/.test(errorCode(error));

/** Our words for what undici says; undefined where the system's own words are better. */
function answerErrorText(error: Error): string | undefined {
  const code = errorCode(error);
  switch (code) {
    case 'UND_ERR_HEADERS_OVERFLOW':
      return `the head of the answer is larger than ${LARGEST_HEAD} bytes`;
    case 'UND_ERR_SOCKET':
      // undici refuses an upgrade, and a 100 Continue, that nobody asked for.
      return error.message.startsWith('bad ') ? 'an interim answer that was not asked for' : CLOSED;
    case 'UND_ERR_INFO':
      return CLOSED;
    case 'ECONNRESET':
    case 'EPIPE':
      return 'connection reset before an answer';
    default:
      // Its message holds llhttp's reason in brackets, one of a fixed set.
      return error.name === 'HTTPParserError'
        ? `not an HTTP answer (${/\((.*)\)/.exec(error.message)?.[1] ?? code})`
        : undefined;
  }
}

const CLOSED = 'connection closed before an answer';

/** `200-299 or 404`. */
export const rangesText = (ranges: readonly StatusRange[]): string =>
  ranges.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(' or ');

/** The address, with the port unless it is the scheme's own (RFC 9110 section 7.2). */
export function hostHeader(target: CheckTarget, probe: HttpProbe): string {
  const schemePort = probe.tls === undefined ? 80 : 443;
  const withPort = endpoint(target.address, target.port);
  return target.port === schemePort ? withPort.slice(0, withPort.lastIndexOf(':')) : withPort;
}
