// The keys there are, on "?".
import { shortcuts } from "../keyboard.ts";
import { Dialog } from "./dialog.tsx";

export function Help({ onClose }: { onClose: () => void }) {
  const more = [{ keys: "↑ ↓", what: "walk through the rows of a table" }, { keys: "Enter", what: "open the row" }, { keys: "Esc", what: "close what is open" }];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl class="keys">
        {[...shortcuts.value, ...more].map(({ keys, what }) => (
          <div key={keys}>
            <dt>{keys.split(" ").map((each) => <kbd key={each}>{each}</kbd>)}</dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
