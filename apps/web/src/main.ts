import { mount } from 'svelte';
import { drafts } from './bridge/drafts';
import { showNotice } from './bridge/notify';
import { openDoor } from './bridge/post';
import { watchRelease } from './bridge/release';
import { saveFile } from './bridge/save';
import { loadSettings, saveSettings } from './bridge/settings';
import { makeController } from './model/controller';
import { type Opened, readStart } from './model/start';
import './style/base.css';
import App from './view/App.svelte';
import { release } from './view/release.svelte';

/** A page that is to be loaded again waits no longer for its drafts to be saved. */
const SAVED_WITHIN_MS = 2000;

const preset = document.querySelector<HTMLMetaElement>('meta[name=veche-server]')?.content.trim() || null;
const opened = takeFragment();

const secure = location.protocol === 'https:';
const door = openDoor({ secure, host: location.host, server: preset });
const controller = makeController(
  {
    door,
    drafts,
    saveSettings,
    notify: (notice, onOpen) => void showNotice(notice, onOpen),
    saveFile,
    after: (ms, act) => void setTimeout(act, ms),
    now: () => Date.now(),
    isSeen: () => document.visibilityState === 'visible',
  },
  loadSettings(),
);

const target = document.getElementById('app');
if (target !== null) mount(App, { target, props: { intents: controller, opened, release } });
controller.start();

// A link that is pasted into the address of a page that is open already.
window.addEventListener('hashchange', () => {
  if (location.hash !== '') controller.follow(takeFragment());
});

const look = () => controller.seen(document.visibilityState === 'visible');
document.addEventListener('visibilitychange', look);
window.addEventListener('pagehide', () => {
  controller.seen(false);
  void controller.saveDrafts();
  door.leave();
});
window.addEventListener('pageshow', () => door.stay());
window.addEventListener('online', () => controller.online(true));
window.addEventListener('offline', () => controller.online(false));
look();

void watchRelease({
  waits: () => {
    release.waits = true;
  },
  tookOver: () => {
    door.letGo();
    const saved = controller.saveDrafts(release.wanted);
    if (!release.wanted) return;
    const patience = new Promise((resolve) => setTimeout(resolve, SAVED_WITHIN_MS));
    void Promise.race([saved, patience]).then(() => location.reload());
  },
  notificationPressed: (chat) => {
    if (typeof chat === 'string') controller.open(chat);
  },
}).then((watch) => {
  release.let = watch.activate;
});

/** What stands behind the #. It holds secrets: it stays neither in the address bar nor in the history. */
function takeFragment(): Opened {
  const taken = readStart(location.hash, preset);
  if (location.hash !== '') history.replaceState(history.state, '', location.pathname);
  return taken;
}
