import { readFileSync } from 'node:fs';

/** The version of package.json, which stands at the same distance from src/ and from everything in dist/. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
