// Keys of the page: one, or "g" and another. They do nothing while one writes, or a dialog is open.
import { useEffect } from "preact/hooks";
import { signal } from "@preact/signals";

export interface Shortcut {
  readonly keys: string;  // "/", "?", "g o"
  readonly what: string;  // in the help: "go to the overview"
  readonly run: () => void;
}

export const shortcuts = signal<readonly Shortcut[]>([]);
const kTogether = 1_500;
let before = "";
let at = 0;

function writes(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches("input, textarea, select"));
}

function pressed(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || event.isComposing) return;
  if (writes(event.target) || document.querySelector("dialog[open]")) return;
  const both = event.timeStamp - at < kTogether ? `${before} ${event.key}` : event.key;
  const found =
    shortcuts.value.find(({ keys }) => keys === both) ?? shortcuts.value.find(({ keys }) => keys === event.key);
  before = found ? "" : event.key;
  at = event.timeStamp;
  if (!found) return;
  event.preventDefault();
  found.run();
}

export function startKeyboard(): void {
  document.addEventListener("keydown", pressed);
}

export function addShortcuts(more: readonly Shortcut[]): () => void {
  shortcuts.value = [...shortcuts.peek(), ...more];
  return () => (shortcuts.value = shortcuts.peek().filter((each) => !more.includes(each)));
}

/** A key of a page, there as long as its component is. */
export function useShortcut(keys: string, what: string, run: () => void): void {
  useEffect(() => addShortcuts([{ keys, what, run }]), [keys, what]);
}
