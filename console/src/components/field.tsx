// Fields of forms, and the bar of filters above a list, whose values stand in the URL.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { setFilters, useRoute } from "../router.ts";

export function Field({ label, hint, children }: { label: ComponentChildren; hint?: ComponentChildren; children: ComponentChildren }) {
  return (
    <label class="field">
      <span class="field-label">{label}</span>
      {children}
      {hint && <span class="muted">{hint}</span>}
    </label>
  );
}

export function FilterBar({ label, children }: { label: string; children: ComponentChildren }) {
  return <form class="filters" role="search" aria-label={label} onSubmit={(event) => event.preventDefault()}>{children}</form>;
}

const kTypingPause = 300;

/** A text of the URL; changes 0.3 s after the last key, or with Enter. */
export function TextFilter({ name, label, placeholder, pattern }: { name: string; label: string; placeholder?: string | undefined; pattern?: RegExp | undefined }) {
  const there = useRoute().filters[name] ?? "";
  const [typed, type] = useState(there);
  useEffect(() => type(there), [there]);
  const wrong = pattern !== undefined && typed !== "" && !pattern.test(typed);
  useEffect(() => {
    if (typed === there || wrong) return;
    const timer = setTimeout(() => setFilters({ [name]: typed }), kTypingPause);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <Field label={label}>
      <input type="search" value={typed} placeholder={placeholder} spellcheck={false} autocomplete="off" aria-invalid={wrong}
        onInput={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && !wrong && setFilters({ [name]: typed })} />
    </Field>
  );
}

/** One of a few; the empty value is left out of the URL. */
export function ChoiceFilter({ name, label, choices }: { name: string; label: string; choices: readonly (readonly [value: string, text: string])[] }) {
  const there = useRoute().filters[name] ?? "";
  return (
    <Field label={label}>
      <select value={there} onChange={(event) => setFilters({ [name]: event.currentTarget.value }, { push: true })}>
        {choices.map(([value, text]) => <option key={value} value={value} selected={value === there}>{text}</option>)}
      </select>
    </Field>
  );
}
