import type { UpstreamSource } from '../contract.ts';
import { fieldsOf, listOf } from '../json-fields.ts';
import type { ChatChunk, ChatDelta } from './chunk.ts';

/** What a delta cites. */
export function annotatedSources(delta: ChatDelta): UpstreamSource[] {
  return listOf(delta.annotations).flatMap((annotation) => source(fieldsOf(annotation)['url_citation']));
}

/** What a chunk lists beside its text; those with a title first, since an address is told once. */
export function listedSources(chunk: ChatChunk): UpstreamSource[] {
  const untitled = listOf(chunk.citations).flatMap((citation) =>
    typeof citation === 'string' ? [{ url: citation }] : source(citation),
  );
  return [...listOf(chunk.search_results).flatMap(source), ...untitled];
}

function source(value: unknown): UpstreamSource[] {
  const { url, title } = fieldsOf(value);
  if (typeof url !== 'string') return [];
  return [{ url, ...(typeof title === 'string' && title !== '' ? { title } : {}) }];
}
