// Why a search does not find someone, in sentences, and what one may try. Pure.
import type { Schemas } from "./api.ts";
import { type FilterChanges, href } from "./router.ts";

type WhyNot = Schemas["WhyNot"];

export function score(value: number | null | undefined): string {
  return typeof value === "number" ? value.toFixed(3) : "–";
}

export function whySentences(why: WhyNot): string[] {
  const said: string[] = [];
  if (why.score !== null) {
    said.push(`It scores ${score(why.score)}; hits have at least ${score(why.min_score)}${why.score < why.min_score ? ", so it falls short" : ""}.`);
  }
  if (why.rank !== null) {
    const beyond = why.rank > why.limit;
    said.push(`It is number ${why.rank} of all by score; the answer has ${why.limit} at most${beyond ? `, so ${why.rank - why.limit} too few` : ""}.`);
  } else if (why.score !== null) {
    said.push("It is not among the first 1,000.");
  }
  said.push(why.semantic_ratio === null
    ? "Meaning and letters were weighed as suits the query."
    : `${Math.round(why.semantic_ratio * 100)}% of the score is meaning, the rest is letters.`);
  return said;
}

export interface Advice {
  readonly text: string;
  /** Filters of the playground to change, or another place. */
  readonly change?: FilterChanges;
  readonly to?: string;
}

export function advice(why: WhyNot): Advice | null {
  switch (why.reason) {
    case "score":
      return why.score === null ? null : { text: `Ask with a least score of ${(Math.floor(why.score * 100) / 100).toFixed(2)}`, change: { min_score: Math.floor(why.score * 100) / 100 } };
    case "rank":
      return why.rank === null || why.rank > 100 ? null : { text: `Ask for ${why.rank} hits`, change: { limit: why.rank } };
    case "other_tenant": {
      const there = why.elsewhere[0]?.tenant;
      return there === undefined ? null : { text: `Ask in ${there}`, change: { tenant: there } };
    }
    case "dead": return { text: "Look at the dead letters", to: href("dead-letters") };
    case "outbox": case "behind": case "retrying": return { text: "Look at the pipelines", to: href("pipelines") };
    case "no_index": case "embedder": case "not_indexed": return { text: "Look at the indexes", to: href("indexes") };
    default: return null;
  }
}
