import { PageHead } from "../components/page_head.tsx";
import { href, useRoute } from "../router.ts";

export function NotFound() {
  const { page } = useRoute();
  return (
    <>
      <PageHead title="No such page" />
      <p>There is no page <code>{page}</code> in this console. <a href={href("overview")}>To the overview</a></p>
    </>
  );
}
