/** Plays the cases inside a kernel with IPVS; prints one line of JSON for each: its name, and the error or undefined. */
import { close, IPVSADM_CASES } from './ipvsadm-cases.ts';

for (const { name, run } of IPVSADM_CASES) {
  let error: string | undefined;
  try {
    await run();
  } catch (thrown) {
    error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  }
  console.log(JSON.stringify({ name, error }));
}
close();
