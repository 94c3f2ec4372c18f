// A JSON text, readable: folded beyond its first levels, or as it was written.
import { useMemo, useState } from "preact/hooks";
import { CopyButton } from "../copy.tsx";
import { several } from "../format.ts";
import { type JsonNode, parseJson } from "../json_tree.ts";

const kOpenLevels = 2;
const kShownAtOnce = 100;
const kPreview = 60;

/** What a folded one begins with, so that one need not open each to find the one meant. */
function preview(node: JsonNode): string {
  if (node.kind === "array") return several(node.items.length, "item");
  if (node.kind !== "object") return "";
  let text = "";
  for (const [name, value] of node.members) {
    if (text.length > kPreview) break;
    const short = value.kind === "object" ? "{…}" : value.kind === "array" ? "[…]" : value.kind === "string" ? JSON.stringify(value.text) : value.text;
    text += `${text === "" ? "" : ", "}${name}: ${short}`;
  }
  return text.length > kPreview ? `${text.slice(0, kPreview)} …` : text;
}

function Leaf({ node }: { node: JsonNode }) {
  if (node.kind === "string") return <span class="json-string">{JSON.stringify(node.text)}</span>;
  if (node.kind === "number" || node.kind === "word") return <span class={`json-${node.kind}`}>{node.text}</span>;
  return null;
}

function Branch({ name, node, level }: { name: string | null; node: JsonNode; level: number }) {
  const entries: readonly (readonly [string | null, JsonNode])[] | null =
    node.kind === "object" ? node.members : node.kind === "array" ? node.items.map((item) => [null, item] as const) : null;
  const [open, toggle] = useState(level < kOpenLevels);
  const [shown, more] = useState(kShownAtOnce);
  const label = name === null ? null : <span class="json-name">{JSON.stringify(name)}: </span>;
  if (entries === null) return <li>{label}<Leaf node={node} /></li>;
  const [before, after] = node.kind === "object" ? "{}" : "[]";
  if (entries.length === 0) return <li>{label}{before}{after}</li>;
  return (
    <li>
      <button type="button" class="json-fold" aria-expanded={open} onClick={() => toggle(!open)}>
        {label}{before}{!open && <span class="muted"> {preview(node)} {after}</span>}
      </button>
      {open && (
        <>
          <ul>
            {entries.slice(0, shown).map(([key, child], index) => <Branch key={index} name={key} node={child} level={level + 1} />)}
            {entries.length > shown && (
              <li><button type="button" class="button small" onClick={() => more(shown + 10 * kShownAtOnce)}>{several(entries.length - shown, "more", "more")}</button></li>
            )}
          </ul>
          {after}
        </>
      )}
    </li>
  );
}

/** `text` is shown as it is where it is no JSON. */
export function Json({ text, label }: { text: string; label: string }) {
  const tree = useMemo(() => parseJson(text), [text]);
  const [raw, show] = useState(false);
  return (
    <section class="json" aria-label={label}>
      <div class="json-bar">
        <span class="muted">{label}</span>
        <span class="spread" />
        {tree && <button type="button" class="button small quiet" aria-pressed={raw} onClick={() => show(!raw)}>Raw</button>}
        <CopyButton text={text} />
      </div>
      {tree && !raw ? <ul class="json-tree"><Branch name={null} node={tree} level={0} /></ul> : <pre tabIndex={0}>{text}</pre>}
    </section>
  );
}
