// What the core and the worker say in English, in the words of the page. Theirs are for every face, and name commands
// of the terminal; what is not listed is said as it is, with a word that it is English where the page is not.

import { currentLanguage, type Key, t } from '../text/text';

/** What they say, as it stands in their sources, with `{}` where something is filled in; and what the page says. */
export const SAID: readonly (readonly [string, Key])[] = [
  ['that name is taken; choose another one', 'coreNameTaken'],
  ['A name has {} to {} of a-z, 0-9 and _; {name:?} does not.', 'coreBadName'],
  ['the server asks for a valid invite code (--invite CODE)', 'coreInviteNeeded'],
  ['the server takes no new accounts', 'coreRegistrationClosed'],
  ['nobody was found', 'coreNobodyFound'],
  ['that is you', 'coreThatIsYou'],
  ['the chat is gone', 'coreChatGone'],
  ['the server failed', 'coreServerFailed'],
  ['the server\'s disk is full', 'coreServerFull'],
  ['the group is guarded: only its admins change it now', 'coreGuarded'],
  ['only some may write in this group: its owners have said so', 'coreMayNotPost'],
  ['This group is in slow mode: you can write again in {left} s.', 'coreSlow'],
  ['There is no such chat. `veche chats` lists them.', 'coreNoChat'],
  ['You are not in this chat any more.', 'coreNotInChat'],
  ['You were removed from this chat.', 'coreRemoved'],
  ['You have left this chat.', 'coreLeft'],
  ['This group is full. If it was made small, its owner can let it go on as a large one: `veche group renew --large`.', 'coreFull'],
  ['Only admins and owners of this group look after its link.', 'coreLinkNotYours'],
  ['Only admins and owners of this group add people.', 'coreMayNotAdd'],
  ['Only admins and owners of this group rename it.', 'coreMayNotRename'],
  ['Only admins remove members, and only owners remove admins and owners.', 'coreMayNotRemove'],
  ['You are the only owner: make somebody else an owner first.', 'coreOnlyOwner'],
  ['You have asked already; the group appears once somebody lets you in.', 'coreAskedAlready'],
  ['You are in this group already.', 'coreInAlready'],
  ['This link is for another server; this home\'s account is not there.', 'coreOtherServer'],
  ['This link is damaged: ask for it again.', 'coreLinkDamaged'],
  ['This is your own link: give it to somebody else.', 'coreOwnLink'],
  ['The link has expired, or has no uses left: make a new one, or add them.', 'coreLinkOver'],
  ['Nobody here is called {bare}. `veche contacts` lists who is.', 'coreNobodyCalled'],
  ['{bare} is not a member of this chat.', 'coreNoMember'],
  ['This device is being added to the chat; try later.', 'coreBeingAdded'],
  ['This group is a large one already.', 'coreLargeAlready'],
  ['This is neither a link nor a username.', 'coreNeither'],
  ['This link is of no use: {error}.', 'coreBadLink'],
  ['The browser gives no place for the history: {error}', 'coreNoPlace'],
  ['this browser keeps no keys', 'coreNoKeys'],
  ['this browser gives no files', 'coreNoFiles'],
];

const patterns = SAID.map(([said, key]) => {
  const pieces = said.split(/\{[^}]*\}/u).map((piece) => piece.replace(/[.*+?^${}()|[\]\\]/gu, '\\$&'));
  const names = [...said.matchAll(/\{([^}:]*)[^}]*\}/gu)].map(([, name]) => name ?? '');
  return { pattern: new RegExp(`^${pieces.join('(.*)')}$`, 'su'), names, key };
});

/** The words of the page for those of the core. */
export function coreWords(said: string): string {
  for (const { pattern, names, key } of patterns) {
    const found = pattern.exec(said);
    if (found !== null) return t(key, Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? ''])));
  }
  return currentLanguage() === 'en' || said === '' ? said : t('coreOther', { words: said });
}
