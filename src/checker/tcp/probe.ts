/** Healthy when the connection is accepted: nothing is sent, nothing is read. */
import type { ProbeKind } from '../attempt.ts';
import { hangUp, openConnection } from './connect.ts';

export const probeTcp: ProbeKind = async (attempt) => {
  const connection = await openConnection(attempt);
  if (!connection.reached) return connection.verdict;
  hangUp(connection.value);
  return { good: true, code: 'L4OK', text: 'connected' };
};
