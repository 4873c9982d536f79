import { connect } from '../browser/index.ts';
import { Chat } from './chat.ts';
import { byId } from './dom.ts';
import { startTheme } from './theme.ts';

startTheme();
byId('app', HTMLElement).hidden = false;
new Chat(connect('/', { client: { name: 'parley-page' }, attempts: Number.POSITIVE_INFINITY })).start();
