// What dead letters say, and what is said of them. Pure.
import type { Schemas } from "../api.ts";
import { type JsonNode, jsonText, member, parseJson } from "../json_tree.ts";

export type DeadLetter = Schemas["DeadLetter"];

/** A letter, and its event with the numbers as they stand there: JSON.parse rounds them. */
export interface Letter extends DeadLetter {
  readonly exact: JsonNode | null;
}

export function lettersOf(text: string): Letter[] {
  const page = JSON.parse(text) as Schemas["DeadLetterPage"];
  const items = member(parseJson(text), "items");
  return page.items.map((letter, index) => ({ ...letter, exact: items?.kind === "array" ? member(items.items[index], "event") : null }));
}

/** Which letters, of those of a topic. */
export interface Scope {
  readonly topic: string;
  readonly tenant?: string | undefined;
  readonly cause?: string | undefined;
  readonly id?: string | undefined;
}

/** The same as `mesh dlq` takes it. */
export function scopeWords({ topic, tenant, cause, id }: Scope): string[] {
  return [topic, ...(tenant ? ["--tenant", tenant] : []), ...(cause ? ["--cause", cause] : []), ...(id ? ["--id", id] : [])];
}

/** "user.events/3@17" as the parts of an address; null where it is none. */
export function placeParts(place: string): [topic: string, partition: string, offset: string] | null {
  const found = /^(.+)\/(\d+)@(\d+)$/.exec(place);
  return found ? [found[1] ?? "", found[2] ?? "", found[3] ?? ""] : null;
}

export function eventMember(letter: DeadLetter, name: string): string {
  const value = (letter.event as Record<string, unknown> | null)?.[name];
  return typeof value === "string" ? value : "";
}

/** The whole event to be edited. What is none becomes one, whose id is that of its letter: sent twice it counts once. */
export function eventText(letter: Letter): string {
  if (letter.exact?.kind === "object") return jsonText(letter.exact, "");
  const data = typeof letter.value === "string" ? parseJson(letter.value) : null;
  return jsonText({
    kind: "object",
    members: [
      ...Object.entries({
        specversion: "1.0", id: `${letter.topic}/${letter.partition}@${letter.offset}`, type: "", source: "mesh-console", ...(letter.tenant && { tenantid: letter.tenant }),
      }).map(([name, text]) => [name, { kind: "string", text }] as const),
      ["data", data ?? { kind: "string", text: String(letter.value ?? letter.value_base64 ?? "") }],
    ],
  }, "");
}

/** Its data alone; null where it has none that is JSON. */
export function dataText(letter: Letter): string | null {
  const data = member(letter.exact, "data");
  return data && jsonText(data, "");
}

/** An event's text with a member replaced by what was typed, or left out. */
export function changed(event: string, name: string, typed?: string): string {
  const tree = parseJson(event);
  if (tree?.kind !== "object") return event;
  const rest = tree.members.filter(([each]) => each !== name).map(([each, value]) => `${JSON.stringify(each)}:${jsonText(value)}`);
  return `{${[...rest, ...(typed === undefined ? [] : [`${JSON.stringify(name)}:${typed}`])].join(",")}}`;
}

export function pretty(text: string): string {
  const tree = parseJson(text);
  return tree ? jsonText(tree, "") : text;
}

/** Why it is no JSON; "" where it is. */
export function jsonFault(text: string): string {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
