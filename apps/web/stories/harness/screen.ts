// What a person does and sees in one tab.

import { readFile } from 'node:fs/promises';
import type { Download, Locator, Page } from 'playwright-core';
import { untilSame } from './patience';
import type { Person, Seen } from './person';

export class Screen implements Person {
  constructor(
    readonly name: string,
    public page: Page,
  ) {}

  /** What the page marks by this name. */
  part(name: string): Locator {
    return this.page.locator(`[data-test="${name}"]`);
  }

  async registers(): Promise<string[]> {
    await this.part('register-name').locator('input').fill(this.name);
    await this.part('register-button').locator('button').click();
    await this.part('phrase').waitFor();
    const words = await this.part('phrase').locator('b').allInnerTexts();
    await this.part('phrase-kept').locator('button').click();
    await this.isHome();
    return words;
  }

  /** Waits until the chats are there. */
  async isHome(): Promise<void> {
    await this.part('menu').waitFor();
  }

  async choosesFromMenu(entry: string): Promise<void> {
    await this.part('menu').locator('button').first().click();
    await this.page.getByRole('menuitem', { name: entry, exact: true }).click();
  }

  async addsContact(name: string): Promise<void> {
    await this.choosesFromMenu('Contacts');
    await this.part('contact-name').locator('input').fill(name);
    await this.part('contact-name').locator('input').press('Enter');
    await this.part('contact').filter({ hasText: name }).waitFor();
    await this.closesPanel();
  }

  /** By its button, which is called so. */
  async closesPanel(name = 'Close'): Promise<void> {
    await this.page.locator('dialog header').getByRole('button', { name, exact: true }).click();
    await this.page.getByRole('dialog').waitFor({ state: 'detached' });
  }

  async beginsChat(person: string, title = person): Promise<void> {
    await this.part('new-chat').locator('button').click();
    await this.part('link-field').locator('input').fill(person);
    await this.part('begin').locator('button').click();
    await this.isIn(title);
  }

  async makesGroup(title: string, members: string[]): Promise<void> {
    await this.choosesFromMenu('New group');
    await this.part('group-title').locator('input').fill(title);
    await this.part('group-members').locator('textarea').fill(members.join(', '));
    await this.part('group-create').locator('button').click();
    await this.isIn(title);
  }

  /** Accepts the first request that comes, and is led to the chat. */
  async accepts(title: string): Promise<void> {
    await this.part('requests').click();
    await this.part('accept').first().locator('button').click();
    await this.isIn(title);
  }

  /** Asks to join a group by its link, and waits until it is among the chats. */
  async joins(link: string, title: string): Promise<void> {
    await this.choosesFromMenu('Join by link');
    await this.part('join-field').locator('input').fill(link);
    await this.part('join').locator('button').click();
    await this.row(title).waitFor();
  }

  async opensDetails(chat: string): Promise<void> {
    await this.opensChat(chat);
    await this.part('chat-info').click();
    await this.part('chat-details').waitFor();
  }

  /** Makes a link to a group, by which everybody comes in, or those whom somebody lets in. */
  async makesLink(group: string, who: 'all' | 'approved'): Promise<string> {
    await this.opensDetails(group);
    await this.part('link-new').locator('button').click();
    if (who === 'approved') await this.part('new-link').locator('[role=switch]').click();
    await this.part('link-make').locator('button').click();
    const link = await this.part('group-link').locator('[data-test=link]').innerText();
    await this.closesPanel();
    return link;
  }

  async readsSafetyNumber(person: string): Promise<string> {
    await this.opensDetails(person);
    const number = await this.part('safety-number').innerText();
    await this.closesPanel();
    return number;
  }

  /** Waits until this chat is open. */
  async isIn(title: string): Promise<void> {
    await this.part('chat-title').getByText(title, { exact: true }).waitFor();
  }

  row(title: string): Locator {
    return this.part('chat-row').filter({ has: this.page.locator('.title').getByText(title, { exact: true }) });
  }

  async opensChat(title: string): Promise<void> {
    const open = this.part('chat-title').getByText(title, { exact: true });
    if (!(await open.isVisible())) await this.row(title).click();
    await this.isIn(title);
  }

  async writes(chat: string, text: string): Promise<void> {
    await this.opensChat(chat);
    await this.part('composer-text').fill(text);
    // On a phone, Enter begins another line.
    await this.part('send').locator('button').click();
    await this.message({ text }).waitFor();
  }

  async replies(chat: string, to: string, text: string): Promise<void> {
    await this.opensChat(chat);
    await this.chooses(to, 'Reply');
    await this.part('reply-bar').waitFor();
    await this.writes(chat, text);
  }

  /** Gives an emoji that is found by its name. */
  async reacts(chat: string, text: string, emojiName: string): Promise<void> {
    await this.opensChat(chat);
    await this.chooses(text, 'React');
    const picker = this.page.getByRole('dialog');
    await picker.getByRole('searchbox').fill(emojiName);
    await picker.getByRole('button', { name: emojiName, exact: true }).click();
  }

  async edits(chat: string, text: string, next: string): Promise<void> {
    await this.opensChat(chat);
    await this.chooses(text, 'Edit');
    await this.writes(chat, next);
  }

  async deletes(chat: string, text: string): Promise<void> {
    await this.opensChat(chat);
    await this.chooses(text, 'Delete');
    await this.part('delete-confirm').locator('button').click();
  }

  /** Chooses from the menu of a message. */
  async chooses(text: string, entry: string): Promise<void> {
    const message = this.message({ text });
    await message.hover();
    await message.locator('[data-test=message-menu] button').first().click();
    await this.page.getByRole('menuitem', { name: entry, exact: true }).click();
  }

  async sendsFile(chat: string, path: string, text = ''): Promise<void> {
    await this.opensChat(chat);
    if (text !== '') await this.part('composer-text').fill(text);
    await this.part('file-input').setInputFiles(path);
  }

  /** Fetches the file of a message and saves it; returns its name and what is in it. */
  async savesFile(chat: string, message: Seen): Promise<{ name: string; content: Buffer }> {
    await this.opensChat(chat);
    const shown = this.message(message);
    const fetch = shown.locator('[data-test=file-download] button');
    const save = shown.locator('[data-test=file-save] button');
    await fetch.or(save).first().waitFor();
    if (await fetch.isVisible()) await fetch.click();
    const coming: Promise<Download> = this.page.waitForEvent('download');
    await Promise.all([coming, save.click()]);
    const download = await coming;
    return { name: download.suggestedFilename(), content: await readFile(await download.path()) };
  }

  async sees(chat: string, message: Seen): Promise<void> {
    await this.opensChat(chat);
    await this.message(message).waitFor();
  }

  async seesDeleted(chat: string, text: string): Promise<void> {
    await this.opensChat(chat);
    await this.page.getByText('This message was deleted.').first().waitFor();
    await this.message({ text }).waitFor({ state: 'detached' });
  }

  async seesLast(chat: string, texts: string[]): Promise<void> {
    await this.opensChat(chat);
    await untilSame(`${this.name} sees the last texts of ${chat}`, texts, async () => {
      const all = await this.part('message-text').allInnerTexts();
      return all.slice(-texts.length);
    });
  }

  /** Waits until the own message is on the server's disk. */
  async seesSent(text: string): Promise<void> {
    const tick = '[data-test=tick-check], [data-test=tick-checks]';
    await this.message({ text }).locator(tick).waitFor();
  }

  async seesWaiting(text: string): Promise<void> {
    await this.message({ text }).locator('[data-test=tick-clock]').waitFor();
  }

  async seesRead(text: string): Promise<void> {
    await this.message({ text }).locator('[data-test=tick-checks]').waitFor();
  }

  /** Waits until there is no word about a missing connection. */
  async isConnected(): Promise<void> {
    await this.part('banner-connection').waitFor({ state: 'detached' });
  }

  async seesNoConnection(): Promise<void> {
    await this.part('banner-connection').waitFor();
  }

  async findsMessage(words: string, text: string): Promise<void> {
    await this.part('search').fill(words);
    await this.part('found-message').filter({ hasText: text }).first().waitFor();
    await this.part('search').fill('');
  }

  async reloads(): Promise<void> {
    await this.page.reload();
    await this.isHome();
  }

  /** The last message that is so. */
  message(wanted: Seen): Locator {
    const within = (part: string, text: string) => this.page.locator(part).filter({ hasText: text });
    let found = this.part('message');
    if (wanted.text !== '') {
      found = found.filter({ has: this.part('message-text').getByText(wanted.text, { exact: true }) });
    }
    if (wanted.answers !== undefined) found = found.filter({ has: within('[data-test=quote]', wanted.answers) });
    if (wanted.reaction !== undefined) found = found.filter({ has: within('[data-test=reactions] button', wanted.reaction) });
    if (wanted.edited === true) found = found.filter({ has: this.page.getByText('edited', { exact: true }) });
    if (wanted.file !== undefined) found = found.filter({ has: within('[data-test=file]', wanted.file) });
    return found.last();
  }
}
