// Everything that is shown, as plain values.

import type { Standing } from '../bridge/calls';
import type { Draft } from '../bridge/drafts';
import type { Room } from '../bridge/room';
import { DEFAULTS, type Settings } from '../bridge/settings';
import type {
  ChatView,
  Connection,
  ContactView,
  EntryId,
  JoinRequestView,
  LinkView,
  LogId,
  MemberView,
  MessageView,
  MeView,
  RequestView,
  RulesView,
} from '../bridge/types';

/** The part of a chat that is held: neighbours without a gap, the oldest first. */
export interface Timeline {
  chat: LogId;
  messages: MessageView[];
  atStart: boolean;
  atEnd: boolean;
  /** The first message that nobody here had read when the chat was opened. */
  newFrom: EntryId | null;
  /** Where to look; a new object each time somebody goes somewhere. */
  focus: { message: EntryId | null } | null;
}

/** A file on its way, in sealed bytes. */
export interface Transfer {
  have: number;
  total: number;
}

export interface Typist {
  name: string;
  until: number;
}

export interface Toast {
  id: number;
  text: string;
  kind: 'info' | 'error';
}

/** Why the server cannot be spoken with, where there is a reason. */
export type Unreachable = { kind: 'words'; words: string } | { kind: 'elsewhere'; server: string };

/** What lies over the chats. */
export type Panel =
  | { kind: 'new-chat'; text: string }
  | { kind: 'new-group' }
  | { kind: 'join'; link: string }
  | { kind: 'requests' }
  | { kind: 'contacts' }
  | { kind: 'settings' }
  | { kind: 'export' }
  | { kind: 'info' };

/** What is known of the chat whose details are open. */
export interface Info {
  chat: LogId;
  members: MemberView[];
  /** Whether there are members behind these. */
  more: boolean;
  words: string;
  rules: RulesView | null;
  link: LinkView | null;
  joinRequests: JoinRequestView[];
  banned: ContactView[];
  safetyNumber: string | null;
}

export interface Search {
  words: string;
  /** Nothing while it is looked for. */
  messages: MessageView[] | null;
}

/** A message that is changed, with what was typed before where that was refused. */
export type Editing = MessageView & { typed?: string };

export interface State {
  standing: Standing;
  /** Undefined until it is known; null where there is no account yet. */
  me: MeView | null | undefined;
  registering: { waits: boolean; error: string | null };
  /** The phrase, while a person is asked to write it down. */
  phrase: string | null;
  chats: ChatView[];
  timeline: Timeline | null;
  /** Messages that are answered by one that is shown, and lie outside of the timeline. */
  quoted: Record<EntryId, MessageView | null>;
  typing: Record<LogId, Typist[]>;
  drafts: Record<LogId, Draft>;
  editing: Editing | null;
  connection: Connection;
  unreachable: Unreachable | null;
  /** Messages and changes that wait for the server. */
  outgoing: number;
  requests: RequestView[];
  contacts: ContactView[];
  toasts: Toast[];
  search: Search | null;
  panel: Panel | null;
  info: Info | null;
  contactLink: string | null;
  /** Whether a passphrase opens the history; unknown until it is asked. */
  isLocked: boolean | null;
  settings: Settings;
  room: Room;
  /** How many chats are written into the file of the whole history, while it is made. */
  exporting: { done: number; total: number } | null;
  /** How far files are on their way, by the name of the way. */
  transfers: Record<string, Transfer>;
}

export const initialState: State = {
  standing: { kind: 'opening' },
  me: undefined,
  registering: { waits: false, error: null },
  phrase: null,
  chats: [],
  timeline: null,
  quoted: {},
  typing: {},
  drafts: {},
  editing: null,
  connection: 'Down',
  unreachable: null,
  outgoing: 0,
  requests: [],
  contacts: [],
  toasts: [],
  search: null,
  panel: null,
  info: null,
  contactLink: null,
  isLocked: null,
  settings: DEFAULTS,
  room: { persists: null, used: null },
  exporting: null,
  transfers: {},
};
