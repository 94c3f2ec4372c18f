// A search as it stands in the address: as a request, and in words of `mesh`. Pure.
import type { Filters } from "./router.ts";
import type { SearchRequest } from "./search_contract.ts";

/** "country=DE; page=/docs" by field; conditions of another form are left out. */
export function filterOf(text: string | undefined): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const condition of (text ?? "").split(";")) {
    const mark = condition.indexOf("=");
    const field = condition.slice(0, Math.max(mark, 0)).trim();
    if (field !== "") fields[field] = condition.slice(mark + 1).trim();
  }
  return fields;
}

function number(text: string | undefined): number | undefined {
  const value = text === undefined ? NaN : Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** null where there is nothing to ask yet. */
export function requestOf(filters: Filters, generation: string | undefined): SearchRequest | null {
  const { tenant, type, query } = filters;
  if (!tenant || !query?.trim()) return null;
  const limit = number(filters["limit"]);
  const least = number(filters["min_score"]);
  const ratio = number(filters["semantic_ratio"]);
  const fields = filterOf(filters["filter"]);
  return {
    tenant,
    query,
    ...(type && { type }),
    ...(type && Object.keys(fields).length > 0 && { filter: fields }),
    ...(limit !== undefined && { limit }),
    ...(least !== undefined && { min_score: least }),
    ...(ratio !== undefined && { semantic_ratio: ratio }),
    ...(type && filters["from"] && { from: filters["from"] }),
    ...(type && filters["to"] && { to: filters["to"] }),
    ...(generation && { generation }),
  };
}

/** Without "mesh", which asks the serving generation only. */
export function searchWords(asked: SearchRequest, whyNot?: string): string[] {
  const words = ["search", asked.query, "--tenant", asked.tenant];
  const options: readonly (readonly [string, string | number | undefined])[] = [
    ["--type", asked.type],
    ...Object.entries(asked.filter ?? {}).map(([field, value]) => ["--filter", `${field}=${value}`] as const),
    ["--from", asked.from],
    ["--to", asked.to],
    ["--limit", asked.limit],
    ["--min-score", asked.min_score],
    ["--semantic-ratio", asked.semantic_ratio],
    ["--why-not", whyNot],
  ];
  for (const [name, value] of options) {
    if (value !== undefined) words.push(name, String(value));
  }
  return words;
}
