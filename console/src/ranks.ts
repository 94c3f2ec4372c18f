// Two lists of hits for the same question, set against each other. Pure.

/** By hit of `ids`, how many ranks higher than in `other` it stands: 0 for the same, null: it is not there. */
export function moves(ids: readonly string[], other: readonly string[]): Map<string, number | null> {
  return new Map(ids.map((id, index) => {
    const place = other.indexOf(id);
    return [id, place < 0 ? null : place - index];
  }));
}

/** The share of the longer list that both have; null where both are empty. */
export function overlap(one: readonly string[], other: readonly string[]): { both: number; longer: number; share: number | null } {
  const both = one.filter((id) => other.includes(id)).length;
  const longer = Math.max(one.length, other.length);
  return { both, longer, share: longer === 0 ? null : both / longer };
}
