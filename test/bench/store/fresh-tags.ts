import Database from "better-sqlite3";
import { join } from "node:path";

/** Makes all tags of a generated store as if they had just been checked. Nobody may have it open. */
export function freshenTags(directory: string): void {
  const index = new Database(join(directory, "index.db"));
  try {
    index.prepare("UPDATE tag SET checked_at = @now, fetched_at = @now").run({ now: Date.now() });
  } finally {
    index.close();
  }
}
