// A search as it stands in the address: as a request, and in words of `mesh`. Pure.
import type { Filters } from "./router.ts";

export interface Asked {
  tenant: string;
  query: string;
  /** Events of this type; users without it. */
  type?: string;
  filter?: string;
  limit?: number;
  min_score?: number;
  semantic_ratio?: number;
  from?: string;
  to?: string;
  /** Of users; the one that serves without it. */
  generation?: number;
}

const kNumbers = ["limit", "min_score", "semantic_ratio"] as const;
const kTexts = ["filter", "from", "to"] as const;

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text || NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** null where there is nothing to ask yet. */
export function requestOf(filters: Filters, generation: string | undefined): Asked | null {
  const { tenant, type, query } = filters;
  if (!tenant || !query?.trim()) return null;
  const asked: Asked = { tenant, query };
  for (const name of kNumbers) {
    const value = numberOf(filters[name]);
    if (value !== undefined) asked[name] = value;
  }
  const number = numberOf(generation);
  if (!type) return number === undefined ? asked : { ...asked, generation: number };
  asked.type = type;
  for (const name of kTexts) if (filters[name]) asked[name] = filters[name];
  return asked;
}

/** Without "mesh", which asks the serving generation only. */
export function searchWords(asked: Asked, whyNot?: string): string[] {
  const words = ["search", asked.query, "--tenant", asked.tenant];
  for (const condition of asked.filter?.split(";") ?? []) if (condition.trim()) words.push("--filter", condition.trim());
  for (const name of ["type", "from", "to", ...kNumbers] as const) {
    if (asked[name] !== undefined) words.push(`--${name.replace("_", "-")}`, String(asked[name]));
  }
  return whyNot === undefined ? words : [...words, "--why-not", whyNot];
}
