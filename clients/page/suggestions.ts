import { byId, element } from './dom.ts';

interface Suggestion {
  label: string;
  text: string;
}

const practiceSuggestions: readonly Suggestion[] = [
  { label: 'Say hello', text: 'Hello, who are you?' },
  { label: 'A long answer, to stop or to reload', text: '/long' },
  { label: 'Headings, code and a table', text: '/markdown' },
  { label: 'Reasoning before the answer', text: '/reason Why is the sky blue?' },
];

const modelSuggestions: readonly Suggestion[] = [
  { label: 'Explain something', text: 'Explain how a hash table works, with a small example.' },
  { label: 'Compare in a table', text: 'Compare TCP and UDP in a table.' },
  { label: 'Write code', text: 'Write a function that removes duplicates from a list, and a test for it.' },
  { label: 'Improve a text', text: 'Make this sentence shorter and clearer: ' },
];

/** What an empty conversation offers to begin with; picked ones go into the field, to be changed or sent. */
export function showSuggestions(isPractice: boolean, onPick: (text: string) => void): void {
  const suggestions = isPractice ? practiceSuggestions : modelSuggestions;
  byId('suggestions', HTMLElement).replaceChildren(
    ...suggestions.map(({ label, text }) => {
      const button = element('button', { type: 'button' }, element('strong', {}, label), element('span', {}, text));
      button.addEventListener('click', () => onPick(text));
      return element('li', {}, button);
    }),
  );
}
