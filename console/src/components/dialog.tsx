// Dialogs and drawers on the browser's own <dialog>: focus stays within, Esc closes, and what was
// focused before has the focus again afterwards. They are open as long as they are rendered.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  /** Buttons at its foot. */
  readonly actions?: ComponentChildren;
  readonly wide?: boolean | undefined;
  readonly kind?: "dialog" | "drawer" | "palette" | "side" | undefined;
}

export function Dialog({ title, onClose, children, actions, wide, kind = "dialog" }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  const closing = useRef(onClose);
  closing.current = onClose;
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    // What one came to fill in, rather than the button that closes.
    dialog?.querySelector<HTMLElement>(".dialog-content :is(input, select, textarea)")?.focus();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={element} class={`${kind}${wide ? " wide" : ""}`} aria-labelledby={id}
      onCancel={(event) => { event.preventDefault(); closing.current(); }}
      onMouseDown={(event) => event.target === element.current && closing.current()}>
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="button icon quiet" aria-label="Close" onClick={onClose}>✕</button>
        </header>
        <div class="dialog-content">{children}</div>
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}

/** Details at the right edge, for what has no page of its own. */
export function Drawer(props: DialogProps) {
  return <Dialog {...props} kind="drawer" />;
}
