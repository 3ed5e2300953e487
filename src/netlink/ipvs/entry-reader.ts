/** Reads one entry of the table after another, without anything of its own for each: there may be ten thousand. */
import { Attributes } from '../attribute.ts';
import { GENERIC_HEADER } from '../generic.ts';
import { type Fault, type Malformed, Reader, type Source } from '../reader.ts';
import { CMD_ATTR } from './numbers.ts';

export class EntryReader {
  readonly #outermost: number;
  readonly #reader: Reader;
  readonly #command: Attributes;
  readonly #entry: Attributes;

  /** `subject` begins the reason of a malformed entry; `outermost`: CMD_ATTR.*; `most`: the highest type within. */
  constructor(subject: string, outermost: number, most: number) {
    this.#outermost = outermost;
    this.#reader = new Reader(new Uint8Array(0), subject);
    this.#command = Attributes.reusable(this.#reader, CMD_ATTR.timeoutUdp);
    this.#entry = Attributes.reusable(this.#reader, most);
  }

  /** The attributes of the entry in `payload`, until the next is opened. */
  open(payload: Source): Attributes {
    this.#reader.begin(payload);
    this.#reader.skip(GENERIC_HEADER);
    this.#command.take(this.#reader);
    this.#entry.takeNested(this.#command, this.#outermost);
    return this.#entry;
  }

  get fault(): Fault {
    return this.#reader.fault;
  }

  /** The value, or why it cannot be trusted. */
  finish<Value>(value: Value): Value | Malformed {
    return this.#reader.finish(value);
  }
}
