// The configuration as lines: each setting by its whole name, as files and messages name it. Pure.

export interface Setting {
  readonly name: string;  // "log.retention.activity.age"
  readonly value: string;
  /** Nothing is set: null, or an empty list. */
  readonly empty: boolean;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : Array.isArray(value) ? value.map(textOf).join(", ") : JSON.stringify(value);
}

export function settingsOf(config: unknown, before = ""): Setting[] {
  if (typeof config === "object" && config !== null && !Array.isArray(config) && (before === "" || Object.keys(config).length > 0)) {
    return Object.entries(config).flatMap(([name, value]) => settingsOf(value, before === "" ? name : `${before}.${name}`));
  }
  const empty = config === null || (typeof config === "object" && Object.keys(config).length === 0);
  return [{ name: before, value: empty ? "" : textOf(config), empty }];
}

/** All words of the filter are in the name or the value. */
export function matches(setting: Setting, filter: string): boolean {
  const text = `${setting.name} ${setting.value}`.toLowerCase();
  return filter.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}
