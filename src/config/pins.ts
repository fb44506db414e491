import type { ConfigFault } from "./errors.ts";
import type { PinDocument } from "./schema.ts";
import type { PinEntry } from "./settings.ts";

/** The pins as they are listed; an image that is listed twice is a fault, as its platforms could differ. */
export function resolvePins(listed: readonly PinDocument[], faults: ConfigFault[]): PinEntry[] {
  const places = new Map<string, string>();
  return listed.flatMap(({ image, platforms }, index) => {
    const path = `pins[${index}]`;
    if (image === undefined) {
      faults.push({ path, message: "has no image" });
      return [];
    }
    const other = places.get(image);
    if (other === undefined) places.set(image, path);
    else faults.push({ path: `${path}.image`, message: `${image} is pinned by ${other} already` });
    return [{ image, platforms }];
  });
}
