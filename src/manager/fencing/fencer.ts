/** Makes sure that a silent peer is off before its addresses are taken: runs the fence agent of the configuration. */
import type { IpAddress } from '../../model/address.ts';
import type { Fencing } from '../../model/guard.ts';
import type { Log } from '../../model/messages.ts';
import { type Milliseconds, milliseconds } from '../../model/units.ts';
import type { Run, RunOutcome } from '../run/program.ts';
import { agentInput, agentText, type FenceAction, powerState, succeeded } from './request.ts';

/** However long the fencing took, its result is looked at for this long, in milliseconds. */
const LEAST_TIME = 1_000;

export interface FencerOptions {
  readonly fencing: Fencing;
  readonly run: Run;
  readonly log: Log;
}

export interface FenceResult {
  readonly done: boolean;
  /** In words, without the secrets among the options. */
  readonly reason: string;
}

export interface FencerStatus {
  readonly agent: string;
  /** Whether the agent is at work on the peer now. */
  readonly running: boolean;
  /** Of the last fencing that ended; `at` in milliseconds since 1970. */
  readonly last: (FenceResult & { readonly at: number }) | undefined;
}

export class Fencer {
  readonly #options: FencerOptions;
  readonly #end = new AbortController();
  #running: Promise<FenceResult> | undefined;
  #last: FencerStatus['last'];

  constructor(options: FencerOptions) {
    this.#options = options;
  }

  get status(): FencerStatus {
    return {
      agent: this.#options.fencing.agent,
      running: this.#running !== undefined,
      last: this.#last,
    };
  }

  /** Asks the agent whether it reaches its device, and logs the answer. Never throws. */
  async check(): Promise<void> {
    const { fencing, log } = this.#options;
    const outcome = await this.#ask('monitor', fencing.timeout, undefined);
    if (outcome.kind === 'aborted') return;
    const text = agentText(outcome, fencing.options);
    if (succeeded(outcome)) log('info', `fencing: ${fencing.agent} reaches its device`);
    else {
      log('error', `fencing: ${fencing.agent} could not fence anybody now: ${text}`, {
        advice: `echo the options and "action=monitor", one a line, into ${fencing.agent} to see it by hand`,
      });
    }
  }

  /**
   * `peer`: the last active director that was heard, for the log and for agents of one's own, which find it in
   * VIPWARD_PEER. There is one device and one order to it, so whoever asks while the agent is at work gets the answer
   * of that work. Never throws.
   */
  fence(peer: IpAddress | undefined): Promise<FenceResult> {
    this.#running ??= this.#fence(peer).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Ends what is running; every fencing from now on fails. */
  close(): void {
    this.#end.abort();
  }

  async #fence(peer: IpAddress | undefined): Promise<FenceResult> {
    const { fencing, log } = this.#options;
    const name = peer ?? 'the silent peer';
    log('warn', `fencing ${name} with ${fencing.agent}`, { peer, agent: fencing.agent });
    const startedAt = performance.now();
    const result = await this.#work(peer, startedAt);
    const duration = Math.round(performance.now() - startedAt);
    this.#last = { ...result, at: Date.now() };
    log(result.done ? 'info' : 'error', `fencing ${name}: ${result.reason}`, { peer, duration, ...result });
    return result;
  }

  async #work(peer: IpAddress | undefined, startedAt: number): Promise<FenceResult> {
    const { agent, options, timeout } = this.#options.fencing;
    const outcome = await this.#ask('off', timeout, peer);
    const said = `${agent} off: ${agentText(outcome, options)}`;
    if (!succeeded(outcome)) return { done: false, reason: said };
    const left = milliseconds(Math.max(LEAST_TIME, timeout - (performance.now() - startedAt)));
    const check = await this.#ask('status', left, peer);
    switch (powerState(check)) {
      case 'off':
        return { done: true, reason: `${said}; its status is off` };
      case 'on':
        return { done: false, reason: `${said}; but it is still on` };
      default:
        // The agent has vouched for it: many devices cannot be asked.
        return { done: true, reason: `${said}; its status cannot be told (${agentText(check, options)})` };
    }
  }

  async #ask(action: FenceAction, timeout: Milliseconds, peer: IpAddress | undefined): Promise<RunOutcome> {
    const { fencing, run } = this.#options;
    if (this.#end.signal.aborted) return { kind: 'aborted', output: '' };
    let input: string;
    try {
      input = agentInput(fencing.options, action);
    } catch (cause) {
      return { kind: 'not-started', busy: false, reason: (cause as Error).message };
    }
    return run({
      command: [fencing.agent],
      input,
      environment: peer === undefined ? {} : { VIPWARD_PEER: peer },
      timeout,
      // What does not stop in time does not get more of it: the addresses are without an owner.
      grace: milliseconds(250),
      signal: this.#end.signal,
      user: undefined,
      group: undefined,
    });
  }
}
