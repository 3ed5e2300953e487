/**
 * Compiles src/ for `setup` into the directory that is its only argument: into one file for each process and command
 * that main.ts imports when it is wanted, and for what several of them share. Some 40 files instead of 400 are opened,
 * resolved and linked sooner, and take less memory; a vrrp process that has crashed is back sooner.
 *
 * Types are not looked at: that is tsc's. Packages are not part of it: they come from node_modules as ever.
 */
import { join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const src = join(import.meta.dirname, '../../src');

const [directory] = process.argv.slice(2);
if (directory === undefined) throw new Error('bundle: the directory to compile into is missing');

await using bundle = await rolldown({
  input: join(src, 'main.ts'),
  platform: 'node',
  // What is not named by a relative path, nor, as the input is, by a whole one.
  external: /^[^./]/,
  onLog(level, { message }) {
    throw new Error(`bundle: ${level}: ${message}`);
  },
});
await bundle.write({
  dir: directory,
  entryFileNames: '[name].js',
  // All beside main.js, which the code counts on. Named by where the code comes from: stack traces tell these names.
  chunkFileNames: ({ name, facadeModuleId }) =>
    facadeModuleId == null
      ? `${name}.js`
      : `${relative(src, facadeModuleId).replace(/\.ts$/, '').replaceAll('/', '-')}.js`,
  // They cost memory in every process; the line that names the source of what follows stays.
  comments: { legal: true, annotation: false, jsdoc: false },
});
