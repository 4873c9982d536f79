import { Markup, markup } from './markup.ts';
import { reportStyle } from './style.ts';

/** A page that needs nothing else, and may fetch nothing: it can be mailed, kept and printed. `style`: beside the reports' own. */
export function page(title: string, body: Markup, style = ''): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>${title}</title><style>${new Markup(reportStyle + style)}</style></head><body>
${body}
</body></html>
`.text;
}
