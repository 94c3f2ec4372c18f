// A table of rows that one can sort, walk through by keyboard (↑ ↓ or j k, Enter) and choose from.
// The order stands in the URL (`sort=name`, `sort=-name`), the rows chosen with whoever shows it.
import type { ComponentChildren } from "preact";
import { useMemo } from "preact/hooks";
import type { Problem } from "../problem.ts";
import { hrefWith, navigate, useRoute } from "../router.ts";
import { ErrorBox } from "./error_box.tsx";

export interface Column<R> {
  readonly key: string;
  readonly head: string;
  readonly cell: (row: R) => ComponentChildren;
  /** What it is sorted by; without it the column does not sort. null comes last. */
  readonly sort?: (row: R) => number | string | null;
  /** "end" for numbers. */
  readonly align?: "end";
  /** The column that takes what room is left, and is cut where that is too little. */
  readonly wide?: boolean;
  /** What the head means, for who rests on it. */
  readonly help?: string;
}

export interface TableProps<R> {
  /** For who cannot see it: "Tasks, newest first". */
  readonly label: string;
  readonly columns: readonly Column<R>[];
  readonly rows: readonly R[] | undefined;
  readonly rowKey: (row: R) => string;
  /** Where a row leads; the first column becomes the link. */
  readonly rowLink?: ((row: R) => string) | undefined;
  readonly current?: string | undefined;  // the key of the row whose details are open
  readonly loading?: boolean | undefined;
  readonly problem?: Problem | undefined;
  readonly retry?: (() => void) | undefined;
  readonly empty?: ComponentChildren;
  /** The filter that holds the order, where a page has several tables. */
  readonly sortFilter?: string | undefined;
  readonly chosen?: ReadonlySet<string> | undefined;
  readonly choose?: ((chosen: ReadonlySet<string>) => void) | undefined;
}

function compared(one: number | string | null, other: number | string | null, down: boolean): number {
  if (one === null || other === null) return one === other ? 0 : one === null ? 1 : -1;
  const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other), "en", { numeric: true });
  return down ? -order : order;
}

export function sorted<R>(rows: readonly R[], columns: readonly Column<R>[], order: string | undefined): readonly R[] {
  const down = order?.startsWith("-") ?? false;
  const by = columns.find(({ key }) => key === (down ? order?.slice(1) : order))?.sort;
  return by ? [...rows].sort((one, other) => compared(by(one), by(other), down)) : rows;
}

function walk(event: KeyboardEvent): void {
  const step = event.key === "ArrowDown" || event.key === "j" ? 1 : event.key === "ArrowUp" || event.key === "k" ? -1 : 0;
  if (step === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const body = event.currentTarget as HTMLElement;
  const links = [...body.querySelectorAll<HTMLElement>("a.row-link")];
  const row = (event.target as HTMLElement).closest("tr");
  const index = links.findIndex((link) => row?.contains(link));
  const next = links[index + step];
  if (index < 0 || !next) return;
  event.preventDefault();
  next.focus();
}

function SortHead<R>({ column, order, filter }: { column: Column<R>; order: string | undefined; filter: string }) {
  const down = order === `-${column.key}`;
  const up = order === column.key;
  if (!column.sort) return <span title={column.help}>{column.head}</span>;
  return (
    <a class="sort" title={column.help} href={hrefWith({ [filter]: up ? `-${column.key}` : down ? undefined : column.key })}>
      {column.head}
      <span aria-hidden="true" class="arrow">{up ? "↑" : down ? "↓" : ""}</span>
    </a>
  );
}

export function Table<R>(props: TableProps<R>) {
  const { columns, rowKey, rowLink, chosen, choose, sortFilter = "sort" } = props;
  const order = useRoute().filters[sortFilter];
  const rows = useMemo(() => props.rows && sorted(props.rows, columns, order), [props.rows, columns, order]);
  const allChosen = rows !== undefined && rows.length > 0 && rows.every((row) => chosen?.has(rowKey(row)));
  const toggle = (key: string) => {
    const next = new Set(chosen);
    if (!next.delete(key)) next.add(key);
    choose?.(next);
  };
  const follow = (event: MouseEvent, row: R) => {
    if (!rowLink || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if ((event.target as HTMLElement).closest("a, button, input, label")) return;
    if (getSelection()?.isCollapsed === false) return;  // One was marking text.
    navigate(rowLink(row));
  };
  return (
    <div class="table-box">
      {props.problem && <ErrorBox problem={props.problem} retry={props.retry} stale={rows !== undefined} />}
      <div class={`table-scroll${props.loading && rows ? " loading" : ""}`} role="region" aria-label={props.label} aria-busy={props.loading ?? false} tabIndex={0}>
        <table>
          <thead>
            <tr>
              {choose && (
                <th class="choice" scope="col">
                  <input type="checkbox" aria-label="Choose all that are shown" checked={allChosen}
                    onChange={() => choose(new Set(allChosen || !rows ? [] : rows.map(rowKey)))} />
                </th>
              )}
              {columns.map((column) => (
                <th key={column.key} scope="col" class={`${column.align === "end" ? "end" : ""}${column.wide ? " wide" : ""}`}
                  aria-sort={order === column.key ? "ascending" : order === `-${column.key}` ? "descending" : undefined}>
                  <SortHead column={column} order={order} filter={sortFilter} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody onKeyDown={walk}>
            {rows?.map((row) => {
              const key = rowKey(row);
              return (
                <tr key={key} class={`${rowLink ? "leads" : ""}${props.current === key ? " current" : ""}`} onClick={(event) => follow(event, row)}>
                  {choose && (
                    <td class="choice">
                      <input type="checkbox" aria-label={`Choose ${key}`} checked={chosen?.has(key) ?? false} onChange={() => toggle(key)} />
                    </td>
                  )}
                  {columns.map((column, index) => (
                    <td key={column.key} class={`${column.align === "end" ? "end" : ""}${column.wide ? " wide" : ""}`}>
                      {index === 0 && rowLink
                        ? <a class="row-link" href={rowLink(row)} aria-current={props.current === key ? "true" : undefined}>{column.cell(row)}</a>
                        : column.cell(row)}
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
        {rows?.length === 0 && <div class="empty">{props.empty ?? "Nothing here."}</div>}
        {rows === undefined && !props.problem && <div class="empty" role="status">Loading …</div>}
      </div>
    </div>
  );
}
