// Light or dark: as the system says, until one chooses.
import { computed, effect, signal } from "@preact/signals";
import { keep, kept } from "./store.ts";

export type Theme = "light" | "dark";
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", () => (systemDark.value = system.matches));

const chosen = signal<string | null>(kept("theme"));
export const theme = computed<Theme>(() => {
  if (chosen.value === "light" || chosen.value === "dark") return chosen.value;
  return systemDark.value ? "dark" : "light";
});

export function toggleTheme(): void {
  const next: Theme = theme.value === "dark" ? "light" : "dark";
  // Back at what the system says, one follows it again.
  chosen.value = (next === "dark") === systemDark.value ? null : next;
  keep("theme", chosen.value);
}

effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});
