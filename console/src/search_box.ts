// What the search box of the frame offers for a text: pages, and the places that an id, a tenant or
// words may mean. Pure.
import { href } from "./router.ts";
import { kPages } from "./navigation.ts";

export interface Suggestion {
  readonly what: string;
  readonly detail: string;
  readonly to: string;
}

const kUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const kTenant = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function suggestions(typed: string): Suggestion[] {
  const text = typed.trim();
  const lower = text.toLowerCase();
  const pages = kPages
    .filter(({ title }) => title.toLowerCase().includes(lower))
    .map(({ name, title, key }) => ({ what: title, detail: `page, g ${key}`, to: href(name) }));
  if (text === "") return pages;
  if (kUuid.test(text)) {
    return [
      { what: text, detail: "event: its trace and where it is", to: href("events", ["id", text]) },
      { what: text, detail: "task", to: href("tasks", [text]) },
    ];
  }
  const found: Suggestion[] = [...pages];
  if (kTenant.test(text)) {
    found.push({ what: text, detail: "tenant", to: href("tenants", [text]) });
    found.push({ what: text, detail: "events of the tenant", to: href("events", [], { tenant: text }) });
  }
  const id = text.replace(/^event\s+/i, "");
  if (/^[^\s/]+$/.test(id)) found.push({ what: id, detail: "event of this id: its trace and where it is", to: href("events", ["id", id]) });
  found.push({ what: text, detail: "search in the playground", to: href("search", [], { query: text }) });
  found.push({ what: text, detail: "events with this key", to: href("events", [], { key: text }) });
  return found;
}
