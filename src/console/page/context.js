/**
 * What every view gets.
 * @typedef {object} Context
 * @property {import("./api.js").Api} api
 * @property {import("./session.js").Session} session
 * @property {import("./live.js").Live} live
 * @property {import("./parts/notices.js").Notices} notices
 */

export {};
