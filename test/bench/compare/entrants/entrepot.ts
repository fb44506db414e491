import { startMeasured, type MeasuredOptions } from "../../measured-instance.ts";
import type { Server, Stage } from "../stage.ts";

/** entrepot as `npm start` has it, with a log line per request in a file. */
export async function startEntrepot(
  { origin, onClose, directoryFor }: Stage,
  options: Omit<MeasuredOptions, "directory"> = {},
): Promise<Server> {
  const instance = await startMeasured(origin.url, { ...options, directory: directoryFor("entrepot") });
  await onClose(() => instance.stop());
  return { name: "entrepot", url: instance.url, pids: [instance.pid] };
}
