export type {
  Authenticate,
  Credential,
  Identity,
  KeyActor,
  KeyService,
  Permission,
  TicketService,
} from './auth/contract.ts';
export type { CreateKeyRequest, Key, KeyList, KeyWithSecret } from './auth/key-schemas.ts';
export type { CreateTicketRequest, Ticket } from './auth/ticket-schemas.ts';
export { type Catalogue } from './catalogue/catalogue.ts';
export {
  CatalogueError,
  type CatalogueOptions,
  loadCatalogue,
  type ModelOverride,
} from './catalogue/load-catalogue.ts';
export type { ModelEntry, ModelPrice } from './catalogue/model-entry.ts';
export { ConfigError } from './config/config-error.ts';
export { createGateway, type Gateway, type GatewayOptions } from './gateway/create-gateway.ts';
export { type AiSdkUpstreamOptions, createAiSdkUpstream } from './upstream/ai-sdk/ai-sdk-upstream.ts';
export type { AuditEntry, AuditLog, Logger } from './telemetry/contract.ts';
export type {
  Upstream,
  UpstreamMessage,
  UpstreamParams,
  UpstreamRequest,
  UpstreamSink,
  UpstreamToolCall,
  UpstreamUsage,
} from './upstream/contract.ts';
export { UpstreamError } from './upstream/contract.ts';
