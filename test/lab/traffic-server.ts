/**
 * A server whose answers the test controls: traffic-server.ts PORT BODY, on every address. Answers each request with
 * BODY and a newline at once, but /held with `begun`, and the rest (BODY) only when a line `finish` comes on standard
 * input.
 */
import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';

const [port = '80', body = 'real server'] = process.argv.slice(2);
const held = new Set<ServerResponse>();

const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', connection: 'close' });
  if (request.url !== '/held') {
    response.end(`${body}\n`);
    return;
  }
  response.write('begun\n');
  held.add(response);
});
server.listen(Number(port), '0.0.0.0', () => console.log('listening'));

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== 'finish') throw new Error(`traffic server: unknown command ${line}`);
  for (const response of held) response.end(`${body}\n`);
  held.clear();
}
