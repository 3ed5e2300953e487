/** Colours, or none: the formatters ask for a meaning and never for a colour. */
import { styleText } from 'node:util';

export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly doubtful: (text: string) => string;
  readonly faint: (text: string) => string;
  readonly heading: (text: string) => string;
  readonly loud: (text: string) => string;
}

const unchanged = (text: string): string => text;

export const PLAIN: Style = {
  good: unchanged,
  bad: unchanged,
  doubtful: unchanged,
  faint: unchanged,
  heading: unchanged,
  loud: unchanged,
};

type Format = Parameters<typeof styleText>[0];
/** The caller knows whether the stream takes colours; styleText must not ask one of its own choice. */
const paint = (format: Format) => (text: string) => styleText(format, text, { validateStream: false });

export const COLOURED: Style = {
  good: paint('green'),
  bad: paint(['bold', 'red']),
  doubtful: paint('yellow'),
  faint: paint('dim'),
  heading: paint('bold'),
  loud: paint(['bold', 'inverse', 'red']),
};

export const styleFor = (colours: boolean): Style => (colours ? COLOURED : PLAIN);
