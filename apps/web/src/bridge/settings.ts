// What a person chose for this browser. Nothing secret.

export interface Settings {
  theme: 'auto' | 'light' | 'dark';
  language: 'auto' | 'en' | 'sr';
  notifications: 'off' | 'plain' | 'text';
  /** The person has seen that the browser may delete the history. */
  storageSeen: boolean;
}

export const DEFAULTS: Settings = {
  theme: 'auto',
  language: 'auto',
  notifications: 'off',
  storageSeen: false,
};

const ALLOWED: { [K in keyof Settings]: readonly Settings[K][] } = {
  theme: ['auto', 'light', 'dark'],
  language: ['auto', 'en', 'sr'],
  notifications: ['off', 'plain', 'text'],
  storageSeen: [true, false],
};

const NAME = 'veche.settings';

/** What is kept; what is absent or makes no sense is as at first. */
export function loadSettings(): Settings {
  try {
    return readSettings(localStorage.getItem(NAME));
  } catch {
    return DEFAULTS;
  }
}

export function readSettings(text: string | null): Settings {
  const kept: unknown = JSON.parse(text ?? '{}');
  const settings = { ...DEFAULTS };
  if (typeof kept !== 'object' || kept === null) return settings;
  for (const name of Object.keys(ALLOWED) as (keyof Settings)[]) adopt(settings, name, kept);
  return settings;
}

function adopt<K extends keyof Settings>(settings: Settings, name: K, kept: object): void {
  const value = (kept as Partial<Settings>)[name];
  const allowed = ALLOWED[name].find((one) => one === value);
  if (allowed !== undefined) settings[name] = allowed;
}

export function saveSettings(settings: Settings): void {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings));
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the tab.
  }
}
