// Which component shows which page: a line each. The names are those of navigation.ts.
import type { ComponentType } from "preact";
import type { PageName } from "../navigation.ts";
import { ConfigurationPage } from "./configuration.tsx";
import { EventsPage } from "./events.tsx";
import { IndexesPage } from "./indexes.tsx";
import { OverviewPage } from "./overview.tsx";
import { SearchPage } from "./search.tsx";
import { DeadLettersPage } from "./dead_letters.tsx";
import { PipelinesPage } from "./pipelines.tsx";
import { TasksPage } from "./tasks.tsx";
import { TenantsPage } from "./tenants.tsx";

const views: Partial<Record<PageName, ComponentType>> = {
  events: EventsPage,
  overview: OverviewPage,
  tenants: TenantsPage,
  search: SearchPage,
  indexes: IndexesPage,
  "dead-letters": DeadLettersPage,
  pipelines: PipelinesPage,
  tasks: TasksPage,
  configuration: ConfigurationPage,
};

export const kViews: Readonly<Record<string, ComponentType | undefined>> = views;
