// Calls of the admin API, typed by its description: a path, a parameter or a member that is not
// there does not compile. Every failure is a `Problem`, but an abort, which stays an AbortError.
import { signal } from "@preact/signals";
import type { components, paths } from "mesh-api";
import { noAnswer, problemOf } from "./problem.ts";

export type Schemas = components["schemas"];

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathsOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends { [K in M]: infer O } ? O : never;

type Loose<Q> = { [K in keyof Q]: Q[K] | undefined };
type PathOf<O> = O extends { parameters: { path: infer P } } ? { path: P } : { path?: never };
type QueryOf<O> = O extends { parameters: { query: infer Q } }
  ? { query: Loose<Q> }
  : O extends { parameters: { query?: infer Q } } ? { query?: Loose<Q> } : { query?: never };
type JsonIn<T> = T extends { content: { "application/json": infer B } } ? B : never;
type BodyOf<O> = O extends { requestBody: infer B }
  ? { body: JsonIn<B> }
  : O extends { requestBody?: infer B } ? { body?: JsonIn<NonNullable<B>> } : { body?: never };

export type Answer<O> = O extends { responses: infer R }
  ? { [S in keyof R]: S extends 200 | 201 | 202
      ? R[S] extends { content: { "application/json": infer B } } ? B : never
      : S extends 204 ? undefined : never }[keyof R]
  : never;

export interface Call {
  signal?: AbortSignal | undefined;
  headers?: Record<string, string> | undefined;
  /** JSON that goes as it stands, its numbers to the digit, in place of a body. */
  text?: string | undefined;
}
type Options<O> = PathOf<O> & QueryOf<O> & BodyOf<O> & Call;
// Options may be left out where nothing in them is required.
type Rest<O> = Record<never, never> extends Options<O> ? [options?: Options<O>] : [options: Options<O>];

/** Turns true when the server no longer knows the session; the frame then shows the sign-in page. */
export const sessionLost = signal(false);

/** A request of any route, for what the description does not have. `body` goes as JSON. */
export async function request(method: string, url: string, body?: unknown, call: Call = {}): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json", "Mesh-Console": "1", ...call.headers };
  const sent = call.text ?? (body === undefined ? null : JSON.stringify(body));
  if (sent !== null) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(url, {
      method,
      headers,
      body: sent,
      signal: call.signal ?? null,
      credentials: "same-origin",
      cache: "no-store",
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw noAnswer();
  }
  if (response.ok) return response;
  if (response.status === 401 && url !== "/console/session") sessionLost.value = true;
  const said: unknown = await response.json().catch(() => undefined);
  throw problemOf(response.status, response.statusText, said, response.headers);
}

export async function requestJson<T>(method: string, url: string, body?: unknown, call: Call = {}): Promise<T> {
  const response = await request(method, url, body, call);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

/** "/a/{id}" with its parameters filled in; undefined, null and empty ones of the query are left out. */
export function urlOf(path: string, parts: Record<string, unknown> = {}, query: Record<string, unknown> = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts[name])));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") search.append(name, String(one));
    }
  }
  const text = search.toString();
  return text === "" ? filled : `${filled}?${text}`;
}

interface AnyOptions extends Call {
  path?: Record<string, unknown>;
  query?: Record<string, unknown>;
  body?: unknown;
}

function send<T>(method: string, path: string, options: AnyOptions = {}): Promise<T> {
  return requestJson<T>(method, urlOf(path, options.path, options.query), options.body, options);
}

export function get<P extends PathsOf<"get">>(path: P, ...rest: Rest<Operation<P, "get">>): Promise<Answer<Operation<P, "get">>> {
  return send("GET", path, rest[0] as AnyOptions);
}
export function post<P extends PathsOf<"post">>(path: P, ...rest: Rest<Operation<P, "post">>): Promise<Answer<Operation<P, "post">>> {
  return send("POST", path, rest[0] as AnyOptions);
}
export function put<P extends PathsOf<"put">>(path: P, ...rest: Rest<Operation<P, "put">>): Promise<Answer<Operation<P, "put">>> {
  return send("PUT", path, rest[0] as AnyOptions);
}
export function patch<P extends PathsOf<"patch">>(path: P, ...rest: Rest<Operation<P, "patch">>): Promise<Answer<Operation<P, "patch">>> {
  return send("PATCH", path, rest[0] as AnyOptions);
}
export function del<P extends PathsOf<"delete">>(path: P, ...rest: Rest<Operation<P, "delete">>): Promise<Answer<Operation<P, "delete">>> {
  return send("DELETE", path, rest[0] as AnyOptions);
}
