/** The files of the web page; the admin listener serves them. */
export { readPage, type Page, type PageFile } from "./page-files.ts";
