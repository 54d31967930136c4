import type { KitWords } from './kit.en';

export const kitSr: KitWords = {
  close: 'Zatvori',
  dismiss: 'Skloni',
  emojiActivities: 'Aktivnosti',
  emojiFaces: 'Lica',
  emojiFood: 'Hrana i piće',
  emojiNature: 'Životinje i priroda',
  emojiNone: 'Nijedan emodži se tako ne zove.',
  emojiObjects: 'Predmeti',
  emojiPeople: 'Ljudi i ruke',
  emojiPick: 'Izaberi emodži',
  emojiRecent: 'Nedavno korišćeni',
  emojiSearch: 'Pretraži emodžije',
  emojiSymbols: 'Srca i znaci',
  emojiTravel: 'Putovanja i mesta',
};
