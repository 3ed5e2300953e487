/** An nftables rule in the words of nft, from its JSON: for people to find it by; what is rare stays JSON. */

type Json = Readonly<Record<string, unknown>>;
const LONGEST = 200;

export const ruleText = (statements: readonly Json[]): string =>
  statements
    .map(statementText)
    .filter((text) => text !== '')
    .join(' ')
    .slice(0, LONGEST);

function statementText(statement: Json): string {
  const [[kind = '', value] = []] = Object.entries(statement);
  switch (kind) {
    case 'match':
      return matchText(asObject(value));
    case 'vmap':
      return `${valueText(asObject(value).key)} vmap ${valueText(asObject(value).data)}`;
    case 'jump':
    case 'goto':
      return `${kind} ${String(asObject(value).target)}`;
    case 'accept':
    case 'drop':
    case 'return':
    case 'reject':
    case 'log':
      return kind;
    // Its numbers change with every packet.
    case 'counter':
      return '';
    default:
      return JSON.stringify(statement);
  }
}

function matchText({ op, left, right }: Json): string {
  const operator = op === '==' || op === 'in' ? '' : `${String(op)} `;
  return `${valueText(left)} ${operator}${valueText(right)}`;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(',');
  if (typeof value !== 'object' || value === null) return String(value);
  const [[kind = '', inner] = []] = Object.entries(value);
  const of = asObject(inner);
  switch (kind) {
    case 'payload':
      return `${String(of.protocol)} ${String(of.field)}`;
    case 'meta':
    case 'ct':
      return kind === 'ct' || String(of.key) === 'mark' ? `${kind} ${String(of.key)}` : String(of.key);
    case 'prefix':
      return `${String(of.addr)}/${String(of.len)}`;
    case 'range':
      return Array.isArray(inner) ? inner.map(valueText).join('-') : JSON.stringify(value);
    case 'set':
      return Array.isArray(inner) ? `{ ${inner.map(elementText).join(', ')} }` : JSON.stringify(value);
    default:
      return JSON.stringify(value);
  }
}

/** Of a verdict map it is the key and the verdict. */
const elementText = (element: unknown): string =>
  Array.isArray(element) && element.length === 2
    ? `${valueText(element[0])} : ${statementText(asObject(element[1]))}`
    : valueText(element);

const asObject = (value: unknown): Json =>
  typeof value === 'object' && value !== null ? (value as Json) : {};
