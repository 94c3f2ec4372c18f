// A search as it stands in the address: as a request, and in words of `mesh`. Pure.
import type { Filters } from "./router.ts";
import type { SearchRequest } from "./search_contract.ts";

const kNumbers = ["limit", "min_score", "semantic_ratio"] as const;
const kTimes = ["from", "to"] as const;

/** "country=DE; page=/docs" by field; conditions of another form are left out. */
export function filterOf(text = ""): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const condition of text.split(";")) {
    const [, field, value] = /^\s*([^=]*[^=\s])\s*=(.*)/s.exec(condition) ?? [];
    if (field !== undefined && value !== undefined) fields[field] = value.trim();
  }
  return fields;
}

/** null where there is nothing to ask yet. */
export function requestOf(filters: Filters, generation: string | undefined): SearchRequest | null {
  const { tenant, type, query } = filters;
  if (!tenant || !query?.trim()) return null;
  const asked: SearchRequest = { tenant, query };
  for (const name of kNumbers) {
    const value = Number(filters[name] || NaN);
    if (Number.isFinite(value)) asked[name] = value;
  }
  if (type) {
    asked.type = type;
    const filter = filterOf(filters["filter"]);
    if (Object.keys(filter).length > 0) asked.filter = filter;
    for (const name of kTimes) if (filters[name]) asked[name] = filters[name];
  }
  if (generation) asked.generation = generation;
  return asked;
}

/** Without "mesh", which asks the serving generation only. */
export function searchWords(asked: SearchRequest, whyNot?: string): string[] {
  const words = ["search", asked.query, "--tenant", asked.tenant];
  for (const [field, value] of Object.entries(asked.filter ?? {})) words.push("--filter", `${field}=${value}`);
  for (const name of ["type", ...kTimes, ...kNumbers] as const) {
    if (asked[name] !== undefined) words.push(`--${name.replace("_", "-")}`, String(asked[name]));
  }
  return whyNot === undefined ? words : [...words, "--why-not", whyNot];
}
