/** The store did not do what was asked, or did not say so: the outcome is unknown. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}

/** Another process holds the data directory, or the directory cannot be used: the gateway cannot start. */
export class StoreStartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreStartError';
  }
}
