/**
 * The control API: HTTP with JSON on a unix socket, so that `curl --unix-socket` works.
 *
 *   GET  /v1/status   → StatusDocument
 *   POST /v1/plan     ← PlanRequest → PlanDocument
 *   POST /v1/reload   → ReloadDocument
 *   POST /v1/handover ← HandoverRequest → HandoverDocument
 *   POST /v1/resume   ← RestoreRequest → RestoreDocument
 *   POST /v1/override ← OverrideDemand → OverrideDocument
 *   GET  /v1/overrides → OverridesDocument
 *
 * A refusal is an ErrorDocument with a status of 400 and up. A plan or reload that finds the file bad is no refusal
 * of the request: it is a document with problems in it.
 */
import type { OverrideAction } from '../model/override.ts';
import type {
  HandoverDocument,
  OverrideDocument,
  OverridesDocument,
  PlanDocument,
  ReloadDocument,
  RestoreDocument,
  StatusDocument,
} from '../model/status.ts';

export const SOCKET_NAME = 'control.sock';

/** The most that a request may carry, in bytes: a configuration of thousands of services fits many times over. */
export const MAX_BODY = 8 * 1024 * 1024;

/** What the manager does for the API. A rejected promise becomes a 500 with its message. */
export interface ControlHandlers {
  status(): Promise<StatusDocument>;
  plan(request: PlanRequest): Promise<PlanDocument>;
  reload(): Promise<ReloadDocument>;
  handover(request: HandoverRequest): Promise<HandoverDocument>;
  restore(request: RestoreRequest): Promise<RestoreDocument>;
  /** Rejects with a NoSuchName. */
  override(request: OverrideRequest): Promise<OverrideDocument>;
  overrides(): Promise<OverridesDocument>;
}

/** A name in a request that nothing in the configuration has: becomes a 404. */
export class NoSuchName extends Error {
  override readonly name = 'NoSuchName';
}

/** What a client asks for. */
export interface OverrideDemand {
  /** The name of a virtual server. */
  readonly service: string;
  /** A real server as the file has it, or its address where it has only one there. */
  readonly server: string;
  /** enable: ends what was said before. */
  readonly action: OverrideAction | 'enable';
  /** Of `weight`: 0 to 2147483647. */
  readonly weight?: number | undefined;
  /** Of `drain`: milliseconds until connections that are left are cut off. */
  readonly timeout?: number | undefined;
  readonly reason?: string | undefined;
  /** The user behind sudo, as the client says: believed of root alone. */
  readonly sudoUser?: string | undefined;
}

/** What the manager is asked for. */
export interface OverrideRequest extends Omit<OverrideDemand, 'sudoUser'> {
  /** Who asks, by the kernel's word: see `Callers`. */
  readonly by: string;
}

export interface HandoverRequest {
  /** Names of virtual routers; empty: all. */
  readonly names: readonly string[];
  /** Whether this director stays a backup until `resume`. */
  readonly stayDown: boolean;
}

export interface RestoreRequest {
  /** Names of virtual routers; empty: all. */
  readonly names: readonly string[];
}

export interface PlanRequest {
  /** The name by which problems call the file. */
  readonly file: string;
  readonly text: string;
}

export interface ErrorDocument {
  readonly error: string;
}
