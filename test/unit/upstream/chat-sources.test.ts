import { describe, expect, it } from 'vitest';
import { chunk, eventStream, readChat } from './support/read-chat.ts';

const citation = (url: unknown, title?: unknown) => ({ type: 'url_citation', url_citation: { url, title } });

describe('sources of a chat answer', () => {
  it('are its annotations, each told once', () => {
    const sink = readChat([
      eventStream([
        chunk({ content: 'Hi', annotations: [citation('https://a.example/', 'A'), null, citation(7), { type: 'x' }] }),
        chunk({ annotations: [citation('https://a.example/'), citation('https://b.example/', null)] }),
        chunk({ annotations: 'x' }, 'stop'),
      ]),
    ]);
    expect(sink.sources).toEqual([{ url: 'https://a.example/', title: 'A' }, { url: 'https://b.example/' }]);
  });

  it('may be listed beside the text', () => {
    const lists = {
      citations: ['https://a.example/', 'https://b.example/', null],
      search_results: [{ url: 'https://a.example/', title: 'A' }, {}],
    };
    const beside = (delta: object, finish: string | null = null) => ({ ...(chunk(delta, finish) as object), ...lists });
    const sink = readChat([eventStream([beside({ content: 'Hi' }), beside({ content: '!' }, 'stop')])]);
    expect(sink.sources).toEqual([{ url: 'https://a.example/', title: 'A' }, { url: 'https://b.example/' }]);
    expect(sink.text).toBe('Hi!');
    const document = { choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }], ...lists };
    expect(readChat([JSON.stringify(document)]).sources).toHaveLength(2);
  });
});
