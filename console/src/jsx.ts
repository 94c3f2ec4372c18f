// What JSX becomes (tools/bundle.mjs).
export { Fragment, h } from "preact";
