// Which component shows which page: a line each. The names are those of navigation.ts.
import type { ComponentType } from "preact";
import type { PageName } from "../navigation.ts";
import { OverviewPage } from "./overview.tsx";
import { TasksPage } from "./tasks.tsx";

const views: Partial<Record<PageName, ComponentType>> = {
  overview: OverviewPage,
  tasks: TasksPage,
};

export const kViews: Readonly<Record<string, ComponentType | undefined>> = views;
