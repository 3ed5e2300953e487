/** The order in which files of tests begin: so that none of those which take minutes is left alone at the end. */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * vitest goes by a file's size where it has no times of a run before, as in a fresh clone. These boot kernels, or have
 * their cases in other files.
 */
const LONG = [
  'lab/cloud.test.ts',
  'lab/story.test.ts',
  'lab/substrate.test.ts',
  'lab/table-pool.test.ts',
  'lab/table.test.ts',
];

/** Its place in LONG, or behind all of them. */
function rank({ moduleId }: TestSpecification): number {
  const place = LONG.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place === -1 ? LONG.length : place;
}
const group = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => group(a) - group(b) || rank(a) - rank(b));
  }
}
