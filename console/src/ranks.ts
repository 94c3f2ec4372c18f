// Two lists of hits for the same question, set against each other. Pure.

interface Hit {
  readonly id: string | number;
}

/** By hit of `hits`, how many ranks higher than in `other` it stands: 0 for the same, null: it is not there. */
export function moves(hits: readonly Hit[], other: readonly Hit[]): Map<Hit["id"], number | null> {
  return new Map(hits.map(({ id }, index) => {
    const place = other.findIndex((each) => each.id === id);
    return [id, place < 0 ? null : place - index];
  }));
}

/** The share of the longer list that both have; null where both are empty. */
export function overlap(one: readonly Hit[], other: readonly Hit[]): { both: number; longer: number; share: number | null } {
  const both = one.filter(({ id }) => other.some((each) => each.id === id)).length;
  const longer = Math.max(one.length, other.length);
  return { both, longer, share: longer === 0 ? null : both / longer };
}
