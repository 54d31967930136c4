// Made from the types of apps/web/core by its tests (UPDATE_EXPECT=1); not to be edited.

export type AccountId = string;

/**
 * What a page is answered.
 */
export type Answer = { "Reply": Reply } | { "Me": MeView | null } | { "Text": string | null } | { "Chats": Array<ChatView> } | { "Messages": Array<MessageView> } | { "Members": Array<MemberView> } | { "Rules": RulesView } | { "Link": LinkView | null } | { "JoinRequests": Array<JoinRequestView> } | { "Contacts": Array<ContactView> } | { "Requests": Array<RequestView> } | { "Settled": Settled } | { "Pending": Pending } | { "Connection": Connection } | { "Pasted": Pasted } | { "Staged": number };

/**
 * What a page wants to know, or wants done.
 */
export type Ask = { "Do": Command } | { "SendFile": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * What is said of the file.
 */
text: string, 
/**
 * The message that it answers.
 */
reply_to: EntryId | null, 
/**
 * The number of the file.
 */
staged: number, } } | "Me" | "Phrase" | "ContactLink" | "Chats" | { "Page": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * From where.
 */
at: Place, 
/**
 * At most so many.
 */
limit: number, } } | { "Message": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, } } | { "Search": { 
/**
 * The words, or beginnings of words.
 */
words: string, 
/**
 * At most so many.
 */
limit: number, } } | { "Members": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * After whom.
 */
after: AccountId | null, 
/**
 * At most so many.
 */
limit: number, } } | { "FindMembers": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The words.
 */
words: string, 
/**
 * At most so many.
 */
limit: number, } } | { "Rules": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Link": { 
/**
 * The chat.
 */
chat: LogId, } } | { "JoinRequests": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Banned": { 
/**
 * The chat.
 */
chat: LogId, } } | "Contacts" | "Requests" | { "SafetyNumber": { 
/**
 * A username.
 */
name: string, } } | { "Intent": number } | "Pending" | "Connection" | { "Read": { 
/**
 * The text.
 */
text: string, } };

/**
 * What a chat is.
 */
export type ChatKind = "Direct" | "Group";

/**
 * How this device stands in a chat.
 */
export type ChatState = "Active" | "Joining" | "Repairing" | "Left" | "Removed";

/**
 * A chat in the list.
 */
export type ChatView = { 
/**
 * The chat's id, the same on all members' devices.
 */
chat: LogId, 
/**
 * What it is.
 */
kind: ChatKind, 
/**
 * The title of a group, the name of the other in a direct chat.
 */
title: string, 
/**
 * How many people are in it, this one too; 0 where this device is not, or not yet.
 */
member_count: number, 
/**
 * Messages since the last read.
 */
unread: number, 
/**
 * Those of them that mention this person.
 */
unread_mentions: number, 
/**
 * How many entries of the chat's log the server has that this device is still to read.
 * [`Command::SkipMissed`](super::Command::SkipMissed) leads around them.
 */
behind: number, 
/**
 * How this device stands in it.
 */
state: ChatState, 
/**
 * How many ask to join it and wait for a decision that this person may make.
 */
join_requests: number, 
/**
 * What this person is in it; none where this device is not in it, or not yet.
 */
role: Role | null, 
/**
 * The other of a direct chat.
 */
peer: ContactView | null, 
/**
 * What was said last.
 */
last: LastView | null, };

/**
 * Something a person wants. Each change becomes a durable row first (an *intent*), is carried out
 * when the server can be reached, and settles with an [`Outcome`].
 */
export type Command = { "Register": { 
/**
 * Where.
 */
server: ServerAddress, 
/**
 * The username wanted.
 */
name: string, 
/**
 * An invite code, where the server asks for one.
 */
invite: string | null, } } | { "AddContact": PersonReference } | { "OpenDirect": PersonReference } | { "CreateGroup": { 
/**
 * The title.
 */
title: string, 
/**
 * Usernames.
 */
members: Array<string>, 
/**
 * Whether it is to have room for thousands of devices, instead of being post-quantum.
 */
large: boolean, } } | { "SkipMissed": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Renew": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Whether it is to be a large one; what is large stays so.
 */
large: boolean, 
/**
 * Usernames of members who stay behind.
 */
without: Array<string>, } } | { "AddMembers": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Usernames.
 */
names: Array<string>, } } | { "RemoveMembers": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Usernames.
 */
names: Array<string>, } } | { "Ban": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Usernames.
 */
names: Array<string>, 
/**
 * Whether banned.
 */
banned: boolean, } } | { "MakeLink": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Whether somebody decides about each who asks; else they are let in at once.
 */
approves: boolean, 
/**
 * For how long it is good (ms); for ever where nothing is given.
 */
lasts: number | null, 
/**
 * How many may join by it.
 */
uses: number | null, } } | { "CloseLink": { 
/**
 * The chat.
 */
chat: LogId, } } | { "JoinByLink": JoinLink } | { "LetIn": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Usernames.
 */
names: Array<string>, } } | { "TurnAway": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Usernames.
 */
names: Array<string>, } } | { "SetRole": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * A username.
 */
name: string, 
/**
 * The role.
 */
role: Role, } } | { "SetRules": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The new rules.
 */
rules: RulesChange, } } | { "Guard": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Whether it is to be guarded.
 */
on: boolean, } } | { "Rename": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The title.
 */
title: string, } } | { "Leave": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Send": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * What is said, kept exactly.
 */
text: string, 
/**
 * The message that it answers.
 */
reply_to: EntryId | null, } } | { "React": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, 
/**
 * The emoji.
 */
emoji: string, } } | { "Edit": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, 
/**
 * The new text.
 */
text: string, } } | { "Delete": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, } } | { "Accept": { 
/**
 * Of the request.
 */
request: EntryId, } } | { "Decline": { 
/**
 * Of the request.
 */
request: EntryId, } } | { "Block": { 
/**
 * A username.
 */
name: string, 
/**
 * Whether blocked.
 */
blocked: boolean, } } | { "MarkRead": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Typing": { 
/**
 * The chat.
 */
chat: LogId, } } | { "Download": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, } } | { "SetReceipts": boolean } | { "SetDisplayName": string };

/**
 * How the connection stands.
 */
export type Connection = "Down" | "CatchingUp" | "Live" | { "Incompatible": string };

export type ContactLink = string;

/**
 * A contact.
 */
export type ContactView = { 
/**
 * The account.
 */
account: AccountId, 
/**
 * The username, or the beginning of the account id.
 */
name: string, 
/**
 * What they want to be called.
 */
display_name: string | null, 
/**
 * Whether blocked.
 */
blocked: boolean, };

export type EntryId = string;

/**
 * What happened, told after it is durable. Cosmetic: every one can be derived from the database.
 */
export type Event = { "Connection": Connection } | { "Message": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, } } | { "Mention": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The message.
 */
message: EntryId, } } | { "Chat": LogId } | { "Request": EntryId } | { "JoinRequest": { 
/**
 * The group.
 */
chat: LogId, 
/**
 * Who asks.
 */
account: AccountId, } } | { "File": { 
/**
 * Which one, as [`FileView::transfer`](super::FileView::transfer).
 */
transfer: string, 
/**
 * So many of its sealed bytes have arrived.
 */
have: number, 
/**
 * Of so many.
 */
total: number, } } | { "Settled": number } | { "Typing": { 
/**
 * The chat.
 */
chat: LogId, 
/**
 * Their username, or the beginning of their account id.
 */
from: string, } } | { "Notice": string };

/**
 * A file of a message.
 */
export type FileView = { 
/**
 * Its name as the author gave it; not safe as a path.
 */
name: string, 
/**
 * Its media type.
 */
media_type: string, 
/**
 * Bytes.
 */
size: number, 
/**
 * SHA-256 of the file.
 */
sha256: string, 
/**
 * Whether the whole file lies in the local database.
 */
here: boolean, 
/**
 * The name under which [`Event::File`](super::Event::File) tells of it.
 */
transfer: string, };

export type JoinLink = string;

/**
 * Somebody who asks to join a group.
 */
export type JoinRequestView = { 
/**
 * The account.
 */
account: AccountId, 
/**
 * The username.
 */
name: string, 
/**
 * What they want to be called.
 */
display_name: string | null, };

/**
 * What a list says of the last message of a chat.
 */
export type LastView = { 
/**
 * The message.
 */
id: EntryId, 
/**
 * The author's username, or the beginning of the account id where none is proved.
 */
from: string, 
/**
 * What the author wants to be called.
 */
display_name: string | null, 
/**
 * The author's account.
 */
account: AccountId, 
/**
 * When the author says it was written.
 */
at: number, 
/**
 * The beginning of what it says, at most [`PREVIEW_CHARACTERS`]; `None` for system lines.
 */
text: string | null, 
/**
 * A system line.
 */
event: string | null, 
/**
 * Deleted by its author.
 */
deleted: boolean, 
/**
 * The name of its file.
 */
file: string | null, 
/**
 * How it stands.
 */
state: MessageState, };

/**
 * The link of a group.
 */
export type LinkView = { 
/**
 * The link.
 */
link: JoinLink, 
/**
 * Whether somebody decides about each who asks.
 */
approves: boolean, 
/**
 * Until when it is good (ms since 1970).
 */
expires: number | null, 
/**
 * How many may join by it.
 */
uses_max: number | null, 
/**
 * How many have.
 */
used: number, };

export type LogId = string;

/**
 * Who this home belongs to.
 */
export type MeView = { 
/**
 * The account.
 */
account: AccountId, 
/**
 * The username.
 */
name: string, 
/**
 * What this person wants to be called.
 */
display_name: string | null, 
/**
 * The server.
 */
server: ServerAddress, 
/**
 * Whether the server has taken the registration.
 */
registered: boolean, 
/**
 * Whether others are told what this person has read.
 */
receipts: boolean, };

/**
 * A member of a chat.
 */
export type MemberView = { 
/**
 * The account.
 */
account: AccountId, 
/**
 * The username, or the beginning of the account id.
 */
name: string, 
/**
 * What they want to be called.
 */
display_name: string | null, 
/**
 * The role.
 */
role: Role, 
/**
 * Whether it is this account.
 */
me: boolean, 
/**
 * When they were added (ms since 1970), where they have written nothing since: after
 * [`ARRIVAL_MS`] they count as not arrived, and adding them again gives them a new place.
 */
silent_since: number | null, };

/**
 * How a message stands.
 */
export type MessageState = "Pending" | "Sent" | "Received" | { "Failed": string };

/**
 * A message, or a system line (`event` set, no text).
 */
export type MessageView = { 
/**
 * The same everywhere.
 */
id: EntryId, 
/**
 * The chat.
 */
chat: LogId, 
/**
 * The author's username, or the beginning of the account id where none is proved.
 */
from: string, 
/**
 * What the author wants to be called: free text that nobody vouches for.
 */
display_name: string | null, 
/**
 * The author's account.
 */
account: AccountId, 
/**
 * When the author says it was written.
 */
at: number, 
/**
 * What it says (after edits); `None` for system lines.
 */
text: string | null, 
/**
 * A system line, such as `ana added bo`.
 */
event: string | null, 
/**
 * The message it answers.
 */
reply_to: EntryId | null, 
/**
 * Changed by its author.
 */
edited: boolean, 
/**
 * Deleted by its author.
 */
deleted: boolean, 
/**
 * Emoji and who gave them (usernames), in order.
 */
reactions: Array<[string, Array<string>]>, 
/**
 * A file.
 */
file: FileView | null, 
/**
 * How it stands.
 */
state: MessageState, 
/**
 * How many have read it; in chats of more than 32 devices nobody says so.
 */
read_count: number, 
/**
 * Usernames of those who have read it, at most 32.
 */
read_by: Array<string>, 
/**
 * Whether it mentions this person, by name or with all members.
 */
mentions_me: boolean, };

/**
 * What happens while nobody asks.
 */
export type News = { "Event": Event } | { "Unreachable": { 
/**
 * In words for a person.
 */
words: string, 
/**
 * Whether trying again is of use.
 */
again: boolean, } };

/**
 * What came of an intent.
 */
export type Outcome = "Done" | { "Chat": LogId } | { "Contact": AccountId };

/**
 * What somebody may paste, or open the page with.
 */
export type Pasted = { "Contact": ContactLink } | { "Join": JoinLink } | { "Name": string } | { "Unknown": string };

/**
 * How much waits.
 */
export type Pending = { 
/**
 * Intents, messages and deliveries that are not settled.
 */
outgoing: number, 
/**
 * Whether everything that the server has was processed.
 */
caught_up: boolean, 
/**
 * Messages received since this client was opened.
 */
received: number, 
/**
 * Messages that became durable since this client was opened.
 */
sent: number, };

/**
 * How a person names a person.
 */
export type PersonReference = { "Link": ContactLink } | { "Username": string };

/**
 * Where a page of messages begins or ends.
 */
export type Place = "Start" | "End" | { "Before": EntryId } | { "After": EntryId };

/**
 * What a command answers at once.
 */
export type Reply = "Done" | { "Intent": number } | { "Message": { 
/**
 * Its id, the same everywhere.
 */
message: EntryId, 
/**
 * The intent.
 */
intent: number, } };

/**
 * A request that waits for an answer.
 */
export type RequestView = { 
/**
 * Its id.
 */
id: EntryId, 
/**
 * Who asks.
 */
from: string, 
/**
 * What they want to be called.
 */
display_name: string | null, 
/**
 * To what.
 */
kind: ChatKind, };

/**
 * What a member of a chat may do.
 */
export type Role = "Member" | "Admin" | "Owner";

/**
 * New rules of a group; what is `None` stays.
 */
export type RulesChange = { 
/**
 * To write.
 */
post: Role | null, 
/**
 * To add people.
 */
add: Role | null, 
/**
 * To remove people.
 */
remove: Role | null, 
/**
 * To change the title.
 */
rename: Role | null, 
/**
 * Slow mode, in seconds; 0 ends it.
 */
slow: number | null, };

/**
 * Who may do what in a group: the least role for it.
 */
export type RulesView = { 
/**
 * To write. Reactions, and what programs tell each other, are anybody's.
 */
post: Role, 
/**
 * To add people. By the link, admins let in.
 */
add: Role, 
/**
 * To remove people below the own role.
 */
remove: Role, 
/**
 * To change the title.
 */
rename: Role, 
/**
 * Slow mode: so many seconds between two messages of one plain member.
 */
slow: number | null, 
/**
 * Whether, for now, only admins change anything.
 */
guarded: boolean, };

export type ServerAddress = string;

/**
 * How an intent stands.
 */
export type Settled = "Waiting" | { "Done": Outcome } | { "Failed": string };

/**
 * Why something was not done.
 */
export type Trouble = { "Refused": string } | { "Broken": string };
