// What a view or an action is in the terminal, to be copied.
import { useState } from "preact/hooks";
import { commandLine } from "./shell_words.ts";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS, and not on loopback, browsers have no clipboard but this one.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "off-screen";
    (document.querySelector("dialog[open]") ?? document.body).append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string | undefined }) {
  const [said, say] = useState("");
  const copy = async () => {
    say((await copyText(text)) ? "Copied" : "Select and copy it by hand");
    setTimeout(() => say(""), 2_000);
  };
  return (
    <button type="button" class="button small quiet" onClick={() => void copy()}>
      <span aria-live="polite">{said || label}</span>
    </button>
  );
}

/** `words` are unquoted, without "mesh": ["tasks", "cancel", id]; `line` is one that the server wrote. */
export function MeshCommand(props: { words: readonly string[] } | { line: string }) {
  const line = "line" in props ? props.line : commandLine(["mesh", ...props.words]);
  return (
    <div class="command">
      <code tabIndex={0}>{line}</code>
      <CopyButton text={line} />
    </div>
  );
}
