/** Every way in which an upstream can answer badly. */
export * from "./delivery-temperaments.ts";
export * from "./reply-temperaments.ts";
