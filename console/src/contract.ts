// The server's words for the session and the overview, by the names that pages have for them.
import type { paths } from "mesh-api";
import type { Answer, Schemas } from "./api.ts";

export type Session = Answer<paths["/console/session"]["get"]>;
export type SignIn = NonNullable<paths["/console/session"]["post"]["requestBody"]>["content"]["application/json"];

export type Overview = Schemas["Overview"];
export type Sample = Schemas["OverviewSample"];
export type GroupSample = Schemas["OverviewGroup"];
export type Attention = Schemas["Attention"];
export type Series = Schemas["OverviewHistory"]["series"];
