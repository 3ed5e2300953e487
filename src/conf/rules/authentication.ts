/** Keys of adverts: one kind, each once, one active. */
import type { Environment } from '../environment.ts';
import { errorAt, errorAtKey, type Finding, type Path } from '../finding.ts';
import { HMAC_SECRET_WORDS, parseHmacSecret } from '../hmac-key.ts';
import { type ConfigDraft, duplicates, itemsOf, type VirtualRouterDraft, virtualRoutersOf } from './draft.ts';
import { secretFindings } from './login.ts';

type AuthenticationDraft = NonNullable<VirtualRouterDraft['authentication']>;
type KeyDraft = NonNullable<NonNullable<AuthenticationDraft['hmac']>[number]>;

export const authenticationFindings = (draft: ConfigDraft, environment: Environment): readonly Finding[] =>
  virtualRoutersOf(draft).flatMap(({ path, value }) =>
    value.authentication === undefined
      ? []
      : ofRouter(value.authentication, [...path, 'authentication'], environment),
  );

function ofRouter(
  authentication: AuthenticationDraft,
  path: Path,
  environment: Environment,
): readonly Finding[] {
  const kinds = ['text', 'hmac'].filter((kind) => kind in authentication);
  if (kinds.length === 0) return [errorAtKey(path, 'authentication needs one of text and hmac')];
  if (kinds.length === 2)
    return [errorAtKey([...path, 'hmac'], 'authentication has text already: keep one of text and hmac')];
  const keys = itemsOf(authentication.hmac, [...path, 'hmac']);
  return [
    ...keys.flatMap((key) => ofKey(key.value, key.path, environment)),
    ...duplicates(
      keys,
      ({ value }) => value.id?.toString(),
      (key) => errorAt([...key.path, 'id'], `key ${key.value.id} is in this list already: give another id`),
    ),
    ...activeKey(authentication, path),
  ];
}

function ofKey(key: KeyDraft, path: Path, environment: Environment): readonly Finding[] {
  const given = ['key', 'key_file'].filter((word) => word in key);
  if (given.length !== 1) return [errorAtKey(path, 'a key needs one of key and key_file')];
  if (key.key_file === undefined) return [];
  const at = [...path, 'key_file'];
  const secret = environment.readSecret(key.key_file);
  if ('text' in secret && parseHmacSecret(secret.text) === undefined)
    return [errorAt(at, `${key.key_file} does not hold ${HMAC_SECRET_WORDS}`)];
  return secretFindings(key.key_file, at, environment);
}

function activeKey({ hmac }: AuthenticationDraft, path: Path): readonly Finding[] {
  if (hmac === undefined || hmac.includes(undefined)) return [];
  const active = hmac.filter((key) => key?.active === true).length;
  if (active === 1 || (hmac.length === 1 && hmac[0]?.active !== false)) return [];
  const message = `${active} of ${hmac.length} keys are active: give exactly one of them active: true, with which adverts are sent`;
  return [errorAt([...path, 'hmac'], message)];
}
