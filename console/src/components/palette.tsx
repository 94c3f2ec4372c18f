// The search box of the frame: type, choose by ↑ ↓, go by Enter.
import { useState } from "preact/hooks";
import { navigate } from "../router.ts";
import { suggestions } from "../search_box.ts";
import { Dialog } from "./dialog.tsx";

export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, type] = useState("");
  const [chosen, choose] = useState(0);
  const found = suggestions(typed);
  const go = (to: string) => {
    onClose();
    navigate(to);
  };
  const key = (event: KeyboardEvent) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      choose((chosen + step + found.length) % Math.max(found.length, 1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const one = found[chosen];
      if (one) go(one.to);
    }
  };
  return (
    <Dialog title="Search" kind="palette" onClose={onClose}>
      <input type="text" role="combobox" aria-label="A page, a tenant, an id, or words" aria-expanded={true} aria-controls="found"
        aria-activedescendant={found.length > 0 ? `found-${chosen}` : undefined} aria-autocomplete="list"
        autofocus autocomplete="off" spellcheck={false} placeholder="A page, a tenant, an id, or words"
        value={typed} onKeyDown={key} onInput={(event) => { type(event.currentTarget.value); choose(0); }} />
      <div id="found" role="listbox" aria-label="Where to go" class="found">
        {found.map((each, index) => (
          <div key={each.to} id={`found-${index}`} role="option" aria-selected={index === chosen}
            onMouseMove={() => index !== chosen && choose(index)} onClick={() => go(each.to)}>
            <span class="cut">{each.what}</span>
            <span class="muted">{each.detail}</span>
          </div>
        ))}
      </div>
    </Dialog>
  );
}
