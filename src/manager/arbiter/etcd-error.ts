/** What went wrong between us and etcd. */

/** gRPC's status codes (google.golang.org/grpc/codes), as far as we decide by them. */
export const GRPC = {
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  failedPrecondition: 9,
  outOfRange: 11,
  unimplemented: 12,
  unauthenticated: 16,
} as const;

/** Those with which etcd answers about the request itself: another endpoint would say the same. */
const FINAL: readonly (number | undefined)[] = Object.values(GRPC);

export class EtcdError extends Error {
  override readonly name = 'EtcdError';
  /** gRPC status code; undefined when etcd was not reached or what came was no answer of etcd's. */
  readonly code: number | undefined;

  constructor(message: string, code?: number, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get final(): boolean {
    return FINAL.includes(this.code);
  }
}

/** Whether a new login may mend it: etcd forgets tokens when it restarts, when they expire, and when users change. */
export const wantsLogin = (error: unknown): boolean =>
  error instanceof EtcdError &&
  (error.code === GRPC.unauthenticated ||
    /invalid auth token|auth store is old|user name is empty/.test(error.message));
