/** What is sent to POST /models/…:streamGenerateContent. Source: https://ai.google.dev/api/generate-content */
export interface GenerateContentBody {
  systemInstruction?: { parts: { text: string }[] } | undefined;
  contents: BodyContent[];
  tools?: { functionDeclarations: FunctionDeclaration[] }[] | undefined;
  toolConfig?: { functionCallingConfig: FunctionCallingConfig } | undefined;
  generationConfig?: GenerationConfig | undefined;
}

export interface BodyContent {
  role: 'user' | 'model';
  parts: BodyPart[];
}

export type BodyPart =
  | { text: string; thoughtSignature?: string | undefined }
  | { inlineData: { mimeType: string; data: string } }
  | {
      functionCall: { name: string; args: Record<string, unknown>; id?: string | undefined };
      thoughtSignature?: string | undefined;
    }
  | { functionResponse: { name: string; response: Record<string, unknown>; id?: string | undefined } };

export interface FunctionDeclaration {
  name: string;
  description?: string | undefined;
  parametersJsonSchema?: Record<string, unknown> | undefined;
}

export interface FunctionCallingConfig {
  mode: 'AUTO' | 'ANY' | 'NONE';
  allowedFunctionNames?: string[] | undefined;
}

export interface GenerationConfig {
  temperature?: number | undefined;
  topP?: number | undefined;
  maxOutputTokens?: number | undefined;
  stopSequences?: string[] | undefined;
  seed?: number | undefined;
  frequencyPenalty?: number | undefined;
  presencePenalty?: number | undefined;
  responseMimeType?: 'application/json' | undefined;
  responseJsonSchema?: Record<string, unknown> | undefined;
  thinkingConfig?: ThinkingConfig | undefined;
}

export interface ThinkingConfig {
  includeThoughts?: boolean | undefined;
  thinkingBudget?: number | undefined;
  thinkingLevel?: 'MINIMAL' | 'LOW' | 'MEDIUM' | 'HIGH' | undefined;
}
