// The head of every page: its name, what one can do, and the same in a terminal.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { MeshCommand } from "../copy.tsx";

export interface PageHeadProps {
  readonly title: string;
  /** Beside the title: a badge, an id. */
  readonly aside?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** The view in a terminal, without "mesh". */
  readonly words?: readonly string[] | undefined;
  readonly back?: { readonly to: string; readonly title: string } | undefined;
}

export function PageHead({ title, aside, actions, words, back }: PageHeadProps) {
  useEffect(() => {
    document.title = `${title} · mesh`;
  }, [title]);
  return (
    <header class="page-head">
      <div class="page-title">
        {back && <a class="back" href={back.to}>← {back.title}</a>}
        <h1>{title}</h1>
        {aside}
      </div>
      <div class="page-actions">
        {words && <MeshCommand words={words} />}
        {actions}
      </div>
    </header>
  );
}
