/** Arbiter and fencing. */
import type { Arbiter, Fencing } from '../../model/guard.ts';
import { seconds } from '../../model/units.ts';
import type { ReadSecret } from '../environment.ts';
import type { ArbiterShape, FencingShape } from '../schema/index.ts';
import { toLogin } from './login.ts';

export function toArbiter(shape: ArbiterShape, readSecret: ReadSecret): Arbiter {
  const [first = '', ...others] = shape.etcd;
  return {
    etcd: [first, ...others],
    // The schema lets only whole seconds through.
    lease: seconds(shape.lease / 1000),
    prefix: shape.prefix,
    directors: shape.directors,
    caFile: shape.ca,
    certFile: shape.cert,
    keyFile: shape.key,
    login: toLogin(shape, readSecret),
  };
}

export const toFencing = ({ agent, options, timeout, on_failure: takeOverAfter }: FencingShape): Fencing => ({
  agent,
  options,
  timeout,
  takeOverAfter,
});
