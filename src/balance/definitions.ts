/** Which entries of the table belong to one definition of the file, so that what befalls all of them is told once. */
import type { ConfiguredVirtualServer } from '../model/config.ts';
import { tableKeyText } from '../model/ipvs-table.ts';

/** The name of a definition by one of its keys (`tableKeyText`). */
export type DefinitionOf = (key: string) => string | undefined;

/** Of the configuration and of the one before, whose entries are still to be removed. */
export class Definitions {
  #names: ReadonlyMap<string, string> = new Map();
  #former: ReadonlyMap<string, string> = new Map();

  configure(virtualServers: readonly Pick<ConfiguredVirtualServer, 'name' | 'entries'>[]): void {
    this.#former = this.#names;
    this.#names = new Map(
      virtualServers.flatMap(({ name, entries }) => entries.map((key) => [tableKeyText(key), name])),
    );
  }

  readonly of: DefinitionOf = (key) => this.#names.get(key) ?? this.#former.get(key);
}
