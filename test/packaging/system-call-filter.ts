import { binary, type ChildProcesses } from "../clients/child-processes.ts";

/** What the lines `SystemCallFilter=` of a unit leave: systemd.exec(5), by the sets of this machine's systemd. */
export async function allowedSystemCalls(processes: ChildProcesses, unit: string): Promise<Set<string>> {
  const sets = parseSets(await processes.run(binary("systemd-analyze"), ["--no-pager", "syscall-filter"]));
  const allowed = new Set(resolve("@default", sets));
  for (const [, isDenied, words = ""] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const call of words.split(" ").flatMap((word) => resolve(word, sets))) {
      if (isDenied) allowed.delete(call);
      else allowed.add(call);
    }
  }
  return allowed;
}

/** Sets stand at the beginning of a line, and what is in them below, indented. */
function parseSets(text: string): Map<string, string[]> {
  const sets = new Map<string, string[]>();
  let members: string[] = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("@")) sets.set(line.trim(), (members = []));
    else if (/^ +[@a-z_]/.test(line)) members.push(line.trim());
  }
  return sets;
}

function resolve(word: string, sets: Map<string, string[]>): string[] {
  if (!word.startsWith("@")) return [word];
  const members = sets.get(word);
  if (!members) throw new Error(`systemd knows no set ${word}`);
  return members.flatMap((member) => resolve(member, sets));
}
