/** The byte budget of the store. */
export * from "./budget.ts";
