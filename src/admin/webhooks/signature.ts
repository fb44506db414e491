import { createHmac } from "node:crypto";

/**
 * `t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>` (as Stripe signs, "Verify webhook signatures manually"; GitHub's
 * `X-Hub-Signature-256` without the time, which keeps an old delivery from being sent again by somebody else).
 */
export function signatureOf(secret: string, atMs: number, body: string): string {
  const time = Math.floor(atMs / 1000);
  return `t=${time},v1=${createHmac("sha256", secret).update(`${time}.${body}`).digest("hex")}`;
}
