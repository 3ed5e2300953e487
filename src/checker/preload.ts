/** Makes every module of the process load, so that the checkout need not be readable for the user it becomes. */
import { Duplex } from 'node:stream';
import { exchange } from './http/exchange.ts';

/**
 * Plays one whole HTTP exchange in memory. undici loads its parser with the first connection only, and what it would
 * load for our kind of request it loads here. Rejects when the exchange does not work: no probe would.
 */
export async function preload(): Promise<void> {
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, written) {
      written();
      stream.push('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      exchange(stream, { path: '/', host: 'localhost' }, (answer) => {
        if ('status' in answer) resolve();
        else reject(new Error('the HTTP client does not work', { cause: answer.error }));
      });
    });
  } finally {
    stream.destroy();
  }
}
