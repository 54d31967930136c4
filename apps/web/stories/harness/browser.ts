// A person with a browser of their own: a profile on the disk, and what the browser complains about.

import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { PATIENCE_MS } from './patience';
import { Screen } from './screen';

export interface Look {
  width: number;
  height: number;
  theme: 'light' | 'dark';
  /** A finger instead of a mouse. */
  phone: boolean;
}

export const DESKTOP: Look = { width: 1280, height: 800, theme: 'light', phone: false };
export const PHONE: Look = { width: 390, height: 844, theme: 'light', phone: true };

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What a browser says where there is no network: no fault of the page. */
const NO_NETWORK = /net::ERR_(CONNECTION|INTERNET|FAILED|NETWORK)|^WebSocket connection to .* failed/u;

export class BrowserPerson extends Screen {
  readonly complaints: string[] = [];
  /** Whether the network was cut on purpose, so that words about that are no complaint. */
  cutOff = false;
  private context: BrowserContext | null = null;

  constructor(
    name: string,
    readonly profile: string,
    public look: Look,
  ) {
    super(name, undefined as unknown as Page);
    mkdirSync(profile, { recursive: true });
  }

  async opens(address: string): Promise<void> {
    await this.starts();
    await this.page.goto(address);
  }

  /** Starts the browser, and opens nothing yet. */
  async starts(): Promise<void> {
    const { width, height, theme, phone } = this.look;
    const context = await chromium.launchPersistentContext(this.profile, {
      executablePath: process.env['VECHE_CHROMIUM'] ?? '/usr/bin/chromium',
      headless: true,
      args: FLAGS,
      viewport: { width, height },
      colorScheme: theme,
      hasTouch: phone,
      isMobile: phone,
      locale: 'en-GB',
      timezoneId: 'Europe/Belgrade',
      acceptDownloads: true,
    });
    this.context = context;
    context.setDefaultTimeout(PATIENCE_MS);
    this.listens(context);
    this.page = context.pages()[0] ?? (await context.newPage());
  }

  /** Another tab of the same browser. */
  async opensTab(address: string): Promise<Screen> {
    const page = await this.opened().newPage();
    await page.goto(address);
    return new Screen(this.name, page);
  }

  async goesOffline(): Promise<void> {
    this.cutOff = true;
    await this.opened().setOffline(true);
  }

  async goesOnline(): Promise<void> {
    await this.opened().setOffline(false);
  }

  async closes(): Promise<void> {
    await this.context?.close();
    this.context = null;
  }

  /** Waits until the browser keeps the release whole, and opens the page from that. */
  async keepsRelease(): Promise<void> {
    await this.page.evaluate(
      () =>
        new Promise<void>((resolve) => {
          const worker = navigator.serviceWorker;
          const look = () => worker.controller && resolve();
          worker.addEventListener('controllerchange', look);
          look();
        }),
    );
  }

  /** The whole browser ends as in a power cut: nothing is said to it, and it says nothing to anybody. */
  async isKilled(): Promise<void> {
    const gone = this.opened().waitForEvent('close');
    process.kill(processOn(this.profile), 'SIGKILL');
    await gone;
    this.context = null;
  }

  private opened(): BrowserContext {
    if (this.context === null) throw new Error(`the browser of ${this.name} is closed`);
    return this.context;
  }

  private listens(context: BrowserContext): void {
    context.on('console', (message) => {
      if (message.type() === 'error') this.complains(message.text(), message.location().url);
    });
    context.on('weberror', (error) => this.complains(String(error.error()), 'an uncaught error'));
    context.on('page', (page) => page.on('crash', () => this.complains('the page crashed', '')));
  }

  private complains(words: string, where: string): void {
    if (this.cutOff && NO_NETWORK.test(words)) return;
    this.complaints.push(`${this.name}: ${words} (${where})`);
  }
}

/** The id of the browser that has the profile; the others of its processes go with it. */
function processOn(profile: string): number {
  const words = (id: string) => {
    try {
      return readFileSync(join('/proc', id, 'cmdline'), 'utf8').split('\0');
    } catch {
      return [];
    }
  };
  const browsers = readdirSync('/proc')
    .filter((id) => /^\d+$/u.test(id))
    .map((id) => ({ id, words: words(id) }))
    .filter(({ words }) => words.includes(`--user-data-dir=${profile}`) && !words.some((word) => word.startsWith('--type=')));
  if (browsers.length !== 1) throw new Error(`${browsers.length} browsers have ${profile}`);
  return Number(browsers[0]?.id);
}
