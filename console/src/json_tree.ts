// JSON with its numbers as they were written: JSON.parse would round those beyond 2^53, and an
// operator has to see what is there. Pure.

export type JsonNode =
  | { readonly kind: "object"; readonly members: readonly (readonly [string, JsonNode])[] }
  | { readonly kind: "array"; readonly items: readonly JsonNode[] }
  | { readonly kind: "string"; readonly text: string }
  | { readonly kind: "number" | "word"; readonly text: string };

const kDeepest = 200;
const kToken = /\s*(?:([{}[\]:,])|("[^"\\\u0000-\u001f]*(?:\\.[^"\\\u0000-\u001f]*)*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))\s*/y;

/** null where it is not JSON, or nested beyond what one could read. */
export function parseJson(source: string): JsonNode | null {
  let at = 0;
  const next = (): RegExpExecArray => {
    kToken.lastIndex = at;
    const found = kToken.exec(source);
    if (!found) throw new SyntaxError("not JSON");
    at = kToken.lastIndex;
    return found;
  };
  const fail = (): never => {
    throw new SyntaxError("not JSON");
  };
  const list = <T>(end: string, one: (token: RegExpExecArray) => T): T[] => {
    const result: T[] = [];
    let token = next();
    if (token[1] === end) return result;
    for (;;) {
      result.push(one(token));
      const mark = next()[1];
      if (mark === end) return result;
      if (mark !== ",") fail();
      token = next();
    }
  };
  const value = (token: RegExpExecArray, depth: number): JsonNode => {
    if (depth > kDeepest) fail();
    if (token[2] !== undefined) return { kind: "string", text: JSON.parse(token[2]) as string };
    if (token[3] !== undefined) return { kind: "number", text: token[3] };
    if (token[4] !== undefined) return { kind: "word", text: token[4] };
    if (token[1] === "[") return { kind: "array", items: list("]", (each) => value(each, depth + 1)) };
    if (token[1] !== "{") fail();
    return {
      kind: "object",
      members: list("}", (name) => {
        if (name[2] === undefined) fail();
        if (next()[1] !== ":") fail();
        return [JSON.parse(name[2] ?? "") as string, value(next(), depth + 1)] as const;
      }),
    };
  };
  try {
    const tree = value(next(), 0);
    return at === source.length ? tree : null;
  } catch {
    return null;
  }
}

/** The text of a tree again, its numbers to the digit; `indent` null: on one line. */
export function jsonText(node: JsonNode, indent: string | null = null): string {
  if (node.kind === "string") return JSON.stringify(node.text);
  if ("text" in node) return node.text;
  const inner = indent === null ? null : `${indent}  `;
  const entries = node.kind === "array"
    ? node.items.map((item) => jsonText(item, inner))
    : node.members.map(([name, value]) => `${JSON.stringify(name)}:${inner === null ? "" : " "}${jsonText(value, inner)}`);
  const [open, close] = node.kind === "array" ? "[]" : "{}";
  if (entries.length === 0 || inner === null) return `${open}${entries.join(",")}${close}`;
  return `${open}\n${entries.map((entry) => `${inner}${entry}`).join(",\n")}\n${indent}${close}`;
}

/** What an object calls so; null where it does not, or is none. */
export function member(node: JsonNode | null | undefined, name: string): JsonNode | null {
  if (node?.kind !== "object") return null;
  return node.members.find(([each]) => each === name)?.[1] ?? null;
}
