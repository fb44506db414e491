/** What was asked for is understood, and is not done; above 500: because an upstream fails. The message is for the person who asked. */
export class OperationRefused extends Error {
  override readonly name = "OperationRefused";
  readonly kind = "operation-refused";
  readonly status: 404 | 409 | 422 | 502 | 503 | 504;

  constructor(status: OperationRefused["status"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}
