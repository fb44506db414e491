/** What is here: images with their platforms and bytes, and which of them could be pulled if every upstream were gone. */
export { CursorInvalid } from "./cursor.ts";
export { Inventory, type InventoryPorts, type OfflineTags } from "./inventory.ts";
export * from "./images.ts";
export type { Policy } from "./policy.ts";
