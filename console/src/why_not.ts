// Why a search does not find someone, in sentences, and what one may try. Pure.
import type { Schemas } from "./api.ts";
import { type FilterChanges, href } from "./router.ts";

type WhyNot = Schemas["WhyNot"];

export function score(value: number | null | undefined): string {
  return typeof value === "number" ? value.toFixed(3) : "–";
}

export function whySentences({ score: has, min_score, rank, limit, semantic_ratio, user, elsewhere }: WhyNot): string {
  const said: string[] = [];
  if (has !== null) said.push(`The score is ${score(has)}; a hit has ${score(min_score)} at least${has < min_score ? ", so it falls short" : ""}.`);
  if (rank !== null) said.push(`The rank is ${rank}; an answer has ${limit} hits at most${rank > limit ? ", so it is cut off" : ""}.`);
  else if (has !== null) said.push("The rank is beyond 1,000.");
  if (semantic_ratio !== null) said.push(`${Math.round(semantic_ratio * 100)}% of the score is meaning, the rest letters.`);
  if (user) said.push(`User ${user.user_id} ${user.text}.`);
  for (const each of elsewhere) said.push(`Tenant ${each.tenant} has the address, as user ${each.user_id}.`);
  return said.join(" ");
}

export interface Advice {
  readonly text: string;
  /** Filters of the playground to change, or another place. */
  readonly change?: FilterChanges;
  readonly to?: string;
}

export function advice({ reason, score: has, rank, elsewhere }: WhyNot): Advice | null {
  const there = elsewhere[0]?.tenant;
  switch (reason) {
    case "score": {
      const least = Math.floor((has ?? -1) * 100) / 100;
      return { text: `Ask with a least score of ${least}`, change: { min_score: least } };
    }
    case "rank": return rank === null || rank > 100 ? null : { text: `Ask for ${rank} hits`, change: { limit: rank } };
    case "other_tenant": return there ? { text: `Ask in ${there}`, change: { tenant: there } } : null;
    case "dead": return { text: "Dead letters", to: href("dead-letters") };
    case "outbox": case "behind": case "retrying": return { text: "Pipelines", to: href("pipelines") };
    case "no_index": case "embedder": case "not_indexed": return { text: "Indexes", to: href("indexes") };
    default: return null;
  }
}
