import { readFileSync } from 'node:fs';

/** How an upstream over https is recognised, and how the gateway shows who it is. */
export interface TlsFiles {
  /** Authorities instead of the system's, PEM. */
  caFile?: string | undefined;
  /** Name in the provider's certificate, where it is not the one in the address. */
  servername?: string | undefined;
  /** Certificate of the gateway and its key, PEM, for providers that ask for one. */
  certificateFile?: string | undefined;
  keyFile?: string | undefined;
}

/** As `tls.connect` takes it. */
export interface TlsSettings {
  ca?: string | undefined;
  servername?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** @throws TypeError for a file that cannot be read, or a certificate without its key */
export function readTlsFiles(files: TlsFiles = {}): TlsSettings {
  const { caFile, servername, certificateFile, keyFile } = files;
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw new TypeError('The settings tls.certificateFile and tls.keyFile of an upstream go together.');
  }
  return {
    ca: read(caFile, 'caFile'),
    servername,
    cert: read(certificateFile, 'certificateFile'),
    key: read(keyFile, 'keyFile'),
  };
}

function read(path: string | undefined, setting: keyof TlsFiles): string | undefined {
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new TypeError(`The file ${path} cannot be read; check tls.${setting} of the upstream.`, { cause });
  }
}
