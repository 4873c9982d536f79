import { Chat } from './chat.ts';
import { byId } from './dom.ts';
import { connectWithKey } from './key-gate.ts';
import { startTheme } from './theme.ts';

startTheme();
byId('app', HTMLElement).hidden = false;
new Chat(connectWithKey()).start();
