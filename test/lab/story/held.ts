/** A connection through the VIP that asks nothing until it is told to: it shows who still serves what is open. */
import { VIP } from './configuration.ts';
import type { Stage } from './stage.ts';

export interface HeldConnection {
  /** Asks for the page now, and closes; the answer's last line, or nothing when the connection was cut. */
  ask(): Promise<string>;
}

export async function holdConnection({ client }: Stage): Promise<HeldConnection> {
  const script = `exec 3<>/dev/tcp/${VIP}/80; echo open; read -r; printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&3; timeout 10 cat <&3`;
  const connection = await client.spawn(['bash', '-c', script]);
  await connection.stdout.waitFor((line) => line === 'open', { what: 'a connection through the VIP' });
  const mark = connection.stdout.mark;
  return {
    ask: async () => {
      connection.write('\n');
      await connection.exit;
      return connection.stdout.all.slice(mark).at(-1) ?? '';
    },
  };
}
