/**
 * What `parse` makes of the command line; when it throws, says so, with the usage, and ends with exit code 2. Asked for
 * `--help` it says how it is used, and ends.
 */
export function optionsOrUsage<Options>(usage: string, parse: () => Options): Options {
  if (process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) {
    console.log(`usage: ${usage}`);
    process.exit(0);
  }
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`);
    process.exit(2);
  }
}
