import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether a program can be started: a path to an executable file, or a name of one in the directories of `searchPath`. */
export function isProgram(name: string, searchPath: string | undefined): boolean {
  if (name.includes("/")) return isExecutable(name);
  return (searchPath ?? "").split(delimiter).some((directory) => isExecutable(join(directory, name)));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
