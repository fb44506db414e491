import { RegistryError } from "../../../src/oci/index.ts";

/** The RegistryError that `action` throws; anything else it does is a failure of the test. */
export function refusalOf(action: () => unknown): RegistryError {
  try {
    action();
  } catch (error) {
    if (error instanceof RegistryError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}
