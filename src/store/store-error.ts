/** The store did not do what was asked, or did not say so: the outcome is unknown. */
export class StoreError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
  }
}

/** This node's lease ran out: another may have taken over, and it must be silent. */
export class LeaseLostError extends StoreError {
  constructor() {
    super('The lease of this node ran out.');
    this.name = 'LeaseLostError';
  }
}

/** The store does not have any more what it had acknowledged. */
export class StoreLossError extends StoreError {
  constructor() {
    super('The store lost what it had acknowledged.');
    this.name = 'StoreLossError';
  }
}

/** Another process holds the data directory, or the directory cannot be used: the gateway cannot start. */
export class StoreStartError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreStartError';
  }
}
