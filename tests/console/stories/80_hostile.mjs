// Names and payloads that are markup, scripts and addresses to whoever takes them for such. They are text.
import { kHostile } from "../support/load.mjs";
import { holds } from "../support/pages.mjs";

/** What such a text would have made, had it been taken for markup. */
const kMade = () => {
  const found = [];
  if (window.__xss !== undefined) found.push("a script ran");
  for (const each of document.querySelectorAll("*")) {
    for (const { name, value } of each.attributes) {
      if (/^on/i.test(name)) found.push(`${each.tagName} ${name}`);
      if (/^(href|src|action|formaction|srcdoc|xlink:href)$/i.test(name) && /^\s*(javascript|vbscript|data:text)/i.test(value)) found.push(`${each.tagName} ${name}=${value}`);
      if (name === "style" && /url\(/i.test(value)) found.push(`${each.tagName} style=${value}`);
    }
    if (/^(iframe|object|embed|base|frame|applet|portal)$/i.test(each.tagName)) found.push(each.tagName);
  }
  for (const each of document.querySelectorAll("body script, body style, img, main [src]")) found.push(`${each.tagName} ${each.outerHTML.slice(0, 80)}`);
  return found;
};

const kPlaces = [
  ["#/tenants", "<img src=x"],
  ["#/tenants/hostile", "<img src=x"],
  ["#/tenants/hostile/record", "<img src=x"],
  ["#/tenants/hostile/limits", null],
  ["#/events?topic=analytics.events&tenant=hostile", "<script>"],
  ["#/events/id/hostile-0?topic=analytics.events", "<img src=x"],
  ["#/events/id/hostile-1?topic=analytics.events&view=raw", "<script>"],
  ["#/events/id/hostile-3?topic=analytics.events", "javascript:"],
  ["#/events?topic=user.events&tenant=hostile", "<iframe"],
  ["#/dead-letters?tenant=hostile", null],
  ["#/dead-letters/analytics.events.dlq?tenant=hostile", "<svg onload"],
  ["#/search?tenant=hostile&query=img%20src&min_score=-1&limit=100", "<img src=x"],
  ["#/search?tenant=hostile&type=analytics.recorded&query=script&min_score=-1&limit=100", "<script>"],
  ["#/tasks", null],
];

export default [
  ...kPlaces.map(([at, text]) => [`text stays text at ${at.split("?")[0]}${at.includes("type=") ? " of events" : ""}${at.includes("topic=user") ? " of users" : ""}`, async ({ signedIn }) => {
    const page = await signedIn({ at });
    if (text) await page.getByRole("main").getByText(text).first().waitFor();
    const made = await page.evaluate(kMade);
    holds(made.length === 0, made.join(", "));
  }]),
  ["text stays text in what a task was asked for", async ({ signedIn, loaded }) => {
    const page = await signedIn({ at: `#/tasks/${loaded.task}` });
    await page.getByRole("main").getByText("<img src=x").first().waitFor();
    const made = await page.evaluate(kMade);
    holds(made.length === 0, made.join(", "));
  }],
  ["text stays text that comes from an address", async ({ signedIn, go }) => {
    const page = await signedIn({ allow: /40[04]|422/ });
    for (const text of kHostile) {
      const word = encodeURIComponent(text);
      for (const at of [`#/${word}`, `#/events/id/${word}`, `#/events?key=${word}&type=${word}&header=${word}`, `#/events/${word}/${word}/${word}`, `#/tenants/${word}`, `#/search?tenant=${word}&query=${word}&who=${word}`,
        `#/dead-letters/${word}`, `#/pipelines/${word}`, `#/indexes/${word}`, `#/tasks/${word}`, `#/configuration?filter=${word}`]) {
        await go(page, at);
        const made = await page.evaluate(kMade);
        holds(made.length === 0, `${at}: ${made.join(", ")}`);
      }
    }
  }],
  ["text stays text in the search box", async ({ signedIn }) => {
    const page = await signedIn();
    await page.keyboard.press("/");
    for (const text of kHostile) {
      await page.getByRole("combobox").fill(text);
      await page.getByRole("option").first().waitFor();
      const made = await page.evaluate(kMade);
      holds(made.length === 0, `${text}: ${made.join(", ")}`);
    }
  }],
];
