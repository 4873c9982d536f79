import { type Markup, markup } from './markup.ts';

/** The first column to the left, the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly (string | Markup)[])[]): Markup {
  return markup`<div class="scroll"><table><thead><tr>${head.map((cell) => markup`<th>${cell}</th>`)}</tr></thead><tbody>${rows.map((row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>`)}</tbody></table></div>`;
}
