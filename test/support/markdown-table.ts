/** The rows of all tables in a Markdown text, as cells without the spaces around them; headings and rulers included. */
export function tableRows(markdown: string): string[][] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim()));
}

/** The texts in backticks. */
export function codeWords(markdown: string): string[] {
  return [...markdown.matchAll(/`([^`]+)`/g)].map(([, word = ""]) => word);
}
