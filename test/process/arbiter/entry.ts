/** The process of `director.ts`. */
import { ArbiterClient } from '../../../src/manager/arbiter/client.ts';
import { monotonicNow } from '../../../src/sys/clock.ts';
import type { FromDirector, Setup, ToDirector } from './director.ts';

const { arbiter, director, identity } = JSON.parse(process.argv[2] ?? '') as Setup;
const say = (message: FromDirector): void => void process.send?.(message);

const client = new ArbiterClient({
  arbiter,
  director,
  identity,
  log: (level, message) => say({ type: 'log', level, message }),
  clock: monotonicNow,
  onLease: (unit, heldUntil, contended) =>
    say({ type: 'lease', unit, heldUntil, contended, at: monotonicNow() }),
});

process.on('message', async (message: ToDirector) => {
  switch (message.type) {
    case 'want':
      client.want(message.unit, message.wanted);
      return;
    case 'status':
      say({ type: 'status', status: client.status() });
      return;
    case 'close':
      await client.close();
      say({ type: 'closed' });
      return;
    default:
      message satisfies never;
  }
});
process.on('disconnect', () => process.exit());
