/** What `parse` makes of the command line; when it throws, says so, with the usage, and ends with exit code 2. */
export function optionsOrUsage<Options>(usage: string, parse: () => Options): Options {
  try {
    return parse();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`);
    process.exit(2);
  }
}
