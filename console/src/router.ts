// Where one is, in the hash: `#/page/part/part?filter=value`. What a view shows stands there and
// nowhere else, so that every view can be reloaded, gone back to and sent to a colleague.
import { signal } from "@preact/signals";

export type Filters = Readonly<Record<string, string>>;
export interface Route {
  readonly page: string;
  readonly parts: readonly string[];
  readonly filters: Filters;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // A hash that was typed by hand is shown as it is.
  }
}

export function parseHash(hash: string): Route {
  const text = hash.replace(/^#?\/?/, "");
  const mark = text.indexOf("?");
  const path = mark < 0 ? text : text.slice(0, mark);
  const [page = "", ...parts] = path.split("/").map(decoded);
  const filters: Record<string, string> = Object.create(null);
  if (mark >= 0) {
    for (const [name, value] of new URLSearchParams(text.slice(mark + 1))) filters[name] = value;
  }
  return { page: page || "overview", parts: parts.filter((part) => part !== ""), filters };
}

/** Values that are undefined, null or empty are left out. */
export type FilterChanges = Readonly<Record<string, string | number | boolean | null | undefined>>;

export function href(page: string, parts: readonly string[] = [], filters: FilterChanges = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const path = [page, ...parts].map(encodeURIComponent).join("/");
  const text = query.toString();
  return `#/${path}${text === "" ? "" : `?${text}`}`;
}

export function changedFilters(filters: Filters, changes: FilterChanges): Record<string, string> {
  const result: Record<string, string> = { ...filters };
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined || value === null || value === "") delete result[name];
    else result[name] = String(value);
  }
  return result;
}

const browser = typeof window !== "undefined";
export const route = signal<Route>(parseHash(browser ? location.hash : ""));
if (browser) {
  window.addEventListener("hashchange", () => (route.value = parseHash(location.hash)));
}

/** In a component: it renders again when the route changes. */
export function useRoute(): Route {
  return route.value;
}

export function navigate(to: string, how: { replace?: boolean } = {}): void {
  if (how.replace) {
    history.replaceState(null, "", to);
    route.value = parseHash(to);
  } else {
    location.hash = to;
  }
}

/** Changes filters of the view one is at. Typing replaces; `push` where back should undo it. */
export function setFilters(changes: FilterChanges, how: { push?: boolean } = {}): void {
  const { page, parts, filters } = route.value;
  navigate(href(page, parts, changedFilters(filters, changes)), { replace: !how.push });
}

/** The address of the same view with other filters, for links such as tabs and table heads. */
export function hrefWith(changes: FilterChanges): string {
  const { page, parts, filters } = route.value;
  return href(page, parts, changedFilters(filters, changes));
}
