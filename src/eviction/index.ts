/** What is kept and what goes: the byte budget, victims, leases, pins. */
export { BudgetExceeded, createBudget, type Budget, type BudgetOptions, type Reservation } from "./budget.ts";
export * from "./eviction.ts";
export type { LeftUnit } from "./left-units.ts";
export type * from "./reports.ts";
