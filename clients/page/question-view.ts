import type { InputPart, TurnInput } from '../../protocol/frames/common.ts';
import { element } from './dom.ts';
import { inputText, mediaLabel } from './facts.ts';
import { pictureElement, pictureTypes } from './pictures.ts';

type MediaPart = Exclude<InputPart, { type: 'text' }>;

/** What the user sent: pictures as they are, other media by a label, then the text. */
export function questionNodes(input: TurnInput): (Node | string)[] {
  const media = typeof input === 'string' ? [] : input.filter((part) => part.type !== 'text');
  const text = inputText(input);
  if (media.length === 0) return [text];
  const shown = element('div', { class: 'media' }, ...media.map(mediaNode));
  return text === '' ? [shown] : [shown, element('div', {}, text)];
}

/** A picture by address is not fetched from here: the page talks to its gateway alone. */
function mediaNode(part: MediaPart): HTMLElement {
  const label = element('span', { class: 'media-label' }, mediaLabel(part));
  if (part.type !== 'image' || 'url' in part || !pictureTypes.includes(part.mediaType)) return label;
  const image = pictureElement(part.mediaType, part.data, part.name ?? 'Picture');
  image.addEventListener('error', () => image.replaceWith(label));
  return image;
}
