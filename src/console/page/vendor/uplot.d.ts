// The module is served from the package; see ../../page-files.ts.
export { default } from "uplot";
