/** What somebody may have meant who wrote something else. */
import leven from 'leven';

/** The known word that `word` most likely meant, when one is near: one letter in three wrong at most, two at least. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const allowed = Math.max(2, Math.floor(word.length / 3));
  const candidates = known
    .filter((candidate) => Math.abs(candidate.length - word.length) <= allowed)
    .map((candidate) => ({ candidate, distance: leven(word.toLowerCase(), candidate) }))
    // A word of three letters with two of them wrong is another word.
    .filter(({ candidate, distance }) => distance <= allowed && distance * 2 <= candidate.length)
    .sort((a, b) => a.distance - b.distance);
  return candidates[0]?.candidate;
}
