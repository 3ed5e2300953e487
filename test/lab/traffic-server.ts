/**
 * A server whose answers the test controls: traffic-server.ts PORT BODY, on every address. Answers each request with
 * BODY and a newline at once, but /held with `begun`, and the rest (BODY) only on command. Lines on standard input:
 *
 *   finish       the rest of every held answer
 *   answer 503   from now on this status; answered by the same line
 *   count        answered by `count N`: the requests since the status was set
 */
import { createServer, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';

const [port = '80', body = 'real server'] = process.argv.slice(2);
const held = new Set<ServerResponse>();
let status = 200;
let count = 0;

const server = createServer((request, response) => {
  count++;
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' });
  if (request.url !== '/held') {
    response.end(`${body}\n`);
    return;
  }
  response.write('begun\n');
  held.add(response);
});
server.listen(Number(port), '0.0.0.0', () => console.log('listening'));

function finish(): void {
  for (const response of held) response.end(`${body}\n`);
  held.clear();
}

function answer(code: string): void {
  status = Number(code);
  count = 0;
  console.log(`answer ${code}`);
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument = ''] = line.split(' ');
  if (command === 'finish') finish();
  else if (command === 'answer') answer(argument);
  else if (command === 'count') console.log(`count ${count}`);
  else throw new Error(`traffic server: unknown command ${line}`);
}
