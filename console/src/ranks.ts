// Two lists of hits for the same question, set against each other. Pure.

/** Where a hit of one list stands in the other: ranks it rose, 0 for the same place, null: it is not there. */
export function moves(ids: readonly string[], other: readonly string[]): Map<string, number | null> {
  const places = new Map(other.map((id, index) => [id, index]));
  return new Map(ids.map((id, index) => {
    const place = places.get(id);
    return [id, place === undefined ? null : place - index];
  }));
}

/** How many hits both have, and their share of the longer list; null where both are empty. */
export function overlap(one: readonly string[], other: readonly string[]): { both: number; longer: number; share: number | null } {
  const there = new Set(other);
  const both = one.filter((id) => there.has(id)).length;
  const longer = Math.max(one.length, other.length);
  return { both, longer, share: longer === 0 ? null : both / longer };
}
