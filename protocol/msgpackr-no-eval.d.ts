// msgpackr ships this build for pages under a strict content security policy, but without types
declare module 'msgpackr/index-no-eval' {
  export { Packr } from 'msgpackr';
}

declare module 'msgpackr/unpack-no-eval' {
  export { Unpackr } from 'msgpackr';
}
