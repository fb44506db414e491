/** Fetching images ahead of the clients that will ask for them, through the cache and by its rules. */
export type { WarmItem } from "./items.ts";
export type { WantedPlatforms } from "./platforms.ts";
export { Warming, wordsOfRefusal } from "./warming.ts";
