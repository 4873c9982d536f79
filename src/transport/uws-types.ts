/** The part of uWebSockets.js that is used here; the official build and its npm packaging differ in their typings. */
export interface UwsSocket {
  send(message: ArrayBufferView | string, isBinary?: boolean, compress?: boolean): number;
  getBufferedAmount(): number;
  end(code?: number, message?: string): void;
  close(): void;
  cork(action: () => void): void;
  getUserData(): object;
}

export interface UwsResponse {
  writeStatus(status: string): UwsResponse;
  writeHeader(name: string, value: string): UwsResponse;
  end(body?: string | Uint8Array, closeConnection?: boolean): void;
  endWithoutBody(reportedLength?: number, closeConnection?: boolean): void;
  /** False: it was taken, but the client has not read what was written before. */
  write(chunk: string | Uint8Array): boolean;
  onWritable(handler: (offset: number) => boolean): void;
  onData(handler: (chunk: ArrayBuffer, isLast: boolean) => void): void;
  /** Drops the connection. */
  close(): void;
  getRemoteAddressAsText(): ArrayBuffer;
  upgrade(userData: object, key: string, protocol: string, extensions: string, context: unknown): void;
  cork(action: () => void): void;
  onAborted(handler: () => void): void;
}

export interface UwsRequest {
  getMethod(): string;
  getUrl(): string;
  getQuery(): string | undefined;
  forEach(callback: (name: string, value: string) => void): void;
  getHeader(name: string): string;
}

export interface UwsApp {
  ws(pattern: string, behavior: object): UwsApp;
  any(pattern: string, handler: (response: UwsResponse, request: UwsRequest) => void): UwsApp;
  listen(host: string, port: number, options: number, callback: (token: unknown) => void): UwsApp;
  close(): void;
}

export interface UwsModule {
  App(options?: object): UwsApp;
  SSLApp(options: object): UwsApp;
  us_listen_socket_close(token: unknown): void;
  us_socket_local_port(token: unknown): number;
}
