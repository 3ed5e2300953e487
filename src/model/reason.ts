/** What somebody caught, in words: its message, where it is an Error. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
