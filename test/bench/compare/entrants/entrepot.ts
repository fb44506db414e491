import { join } from "node:path";
import { startMeasured, type MeasuredOptions } from "../../measured-instance.ts";
import type { Server, Stage } from "../stage.ts";

const entrepot = "entrepot";

/** entrepot as `npm start` has it, with a log line per request in a file. */
export async function startEntrepot(
  { origin, onClose, directoryFor }: Stage,
  options: Omit<MeasuredOptions, "directory"> = {},
  name = entrepot,
): Promise<Server> {
  const instance = await startMeasured(origin.url, { ...options, directory: directoryFor(name) });
  await onClose(() => instance.stop());
  return { name, url: instance.url, pids: [instance.pid] };
}

/** Where an entrepot of a stage keeps what it has. */
export function dataDirectory({ directoryFor }: Stage, name = entrepot): string {
  return join(directoryFor(name), "data");
}
