// A question as a form: what stands in the address changes when it is asked, not while one types.
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Field } from "../components/field.tsx";
import { setFilters, useRoute } from "../router.ts";

/** What is typed for a filter, and has not been asked yet. */
export function useTyped(name: string): { name: string; value: string; onInput: (event: { currentTarget: { value: string } }) => void } {
  const there = useRoute().filters[name] ?? "";
  const [typed, type] = useState(there);
  useEffect(() => type(there), [there]);
  return { name, value: typed, onInput: (event) => type(event.currentTarget.value) };
}

export function Typed({ name, label, ...more }: { name: string; label: string } & JSX.IntrinsicElements["input"]) {
  return <Field label={label}><input autocomplete="off" spellcheck={false} {...more} {...useTyped(name)} /></Field>;
}

/** Its fields go into the address by their names; `again` asks the same once more. */
export function AskForm({ again, children }: { again: () => void; children: ComponentChildren }) {
  return (
    <form class="card stack" onSubmit={(event) => {
      event.preventDefault();
      const before = location.hash;
      setFilters(Object.fromEntries(new FormData(event.currentTarget)) as Record<string, string>, { push: true });
      if (location.hash === before) again();
    }}>{children}</form>
  );
}
