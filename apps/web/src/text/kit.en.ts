/** What the kit itself says, whatever it is used for. */
export const kitEn = {
  close: 'Close',
  dismiss: 'Dismiss',
  emojiActivities: 'Activities',
  emojiFaces: 'Faces',
  emojiFood: 'Food and drink',
  emojiNature: 'Animals and nature',
  emojiNone: 'No emoji has that name.',
  emojiObjects: 'Objects',
  emojiPeople: 'People and hands',
  emojiPick: 'Choose an emoji',
  emojiRecent: 'Recently used',
  emojiSearch: 'Search emoji',
  emojiSymbols: 'Hearts and signs',
  emojiTravel: 'Travel and places',
};

export type KitWords = Readonly<Record<keyof typeof kitEn, string>>;
