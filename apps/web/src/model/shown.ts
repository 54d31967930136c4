// The shapes that views show; views know the model and not the bridge.

export type { Standing } from '../bridge/calls';
export type { Draft } from '../bridge/drafts';
export type { Room } from '../bridge/room';
export type { Settings } from '../bridge/settings';
export type {
  ChatView,
  ContactView,
  FileView,
  JoinRequestView,
  LastView,
  LinkView,
  MemberView,
  MessageView,
  MeView,
  RequestView,
  Role,
  RulesChange,
  RulesView,
} from '../bridge/types';
