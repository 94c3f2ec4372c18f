// The generations there are; they are loaded anew when a task or the log has moved.
import { type Schemas, get } from "../api.ts";
import type { Sample } from "../contract.ts";
import { useResource } from "../resource.ts";

export type Generation = Schemas["Generation"];
export type EventGeneration = Schemas["EventGeneration"];
export type AnyGeneration = Generation | EventGeneration;

const depends = (sample: Sample) => [sample.tasks.changed, sample.topics];

export function useUsers() {
  return useResource("generations", (signal) => get("/admin/v1/indexes", { signal }), depends);
}

export function useEvents() {
  return useResource("event generations", (signal) => get("/admin/v1/indexes/events", { signal }), depends);
}
