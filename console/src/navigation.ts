// The pages of the console, in the order of the frame. `key` follows "g".

export const kPages = [
  { name: "overview", title: "Overview", key: "o" },
  { name: "events", title: "Events", key: "e" },
  { name: "tenants", title: "Tenants", key: "t" },
  { name: "search", title: "Search", key: "s" },
  { name: "dead-letters", title: "Dead letters", key: "d" },
  { name: "pipelines", title: "Pipelines", key: "p" },
  { name: "indexes", title: "Indexes", key: "i" },
  { name: "tasks", title: "Tasks", key: "k" },
  { name: "configuration", title: "Configuration", key: "c" },
] as const;

export type PageName = (typeof kPages)[number]["name"];
