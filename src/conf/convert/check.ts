/** Health checks. */
import type { Check, Probe } from '../../model/check.ts';
import { milliseconds } from '../../model/units.ts';
import type { CheckShape } from '../schema/index.ts';

/** Unless given; a shorter timeout shortens it, so that `timeout: 500ms` is all that need be written. */
const CONNECT_TIMEOUT = milliseconds(1000);

export function toCheck(shape: CheckShape): Check {
  return {
    probe: toProbe(shape),
    interval: shape.interval,
    connectTimeout: shape.connect_timeout ?? milliseconds(Math.min(CONNECT_TIMEOUT, shape.timeout)),
    timeout: shape.timeout,
    rise: shape.rise,
    fall: shape.fall,
    port: shape.port,
  };
}

/** The rules have seen to it that exactly one kind is there. */
function toProbe({ http, https }: CheckShape): Probe {
  const request = https ?? http;
  if (request === undefined) return { kind: 'tcp' };
  const { path, host, status } = request;
  return { kind: 'http', tls: https && { verify: https.verify }, path, host, status };
}
