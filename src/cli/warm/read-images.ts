import { readFileSync } from "node:fs";
import { CliError, exitCodes } from "../exit-codes.ts";

/**
 * The images that a file lists, one on each line. What follows a # is a comment.
 * @throws CliError 2
 */
export function readImages(file: string): string[] {
  try {
    const lines = readFileSync(file, "utf8").split(/\r?\n/);
    return lines.map((line) => line.replace(/(^|\s)#.*$/, "").trim()).filter((line) => line !== "");
  } catch (error) {
    throw new CliError(exitCodes.wrongUsage, `the file ${file} cannot be read`, error);
  }
}
