/** Whether `value`, as YAML gives it, is a mapping: not a scalar, a list or nothing. */
export const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
