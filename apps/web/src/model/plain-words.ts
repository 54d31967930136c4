// What others chose to be called must not turn the direction of what stands beside it: `ana (ben)` could be
// made to read otherwise than it is. The text of a message stays as it was written; it stands alone.

import type { Answer, ChatView, LastView } from '../bridge/types';

/** Control characters, and the marks that steer the direction of writing; the same as the command line's. */
const STEERING = /[\p{Cc}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u206F\uFFF9-\uFFFB]/gu;

/** One line in which nothing steers. */
export function plainLine(text: string): string {
  return text.replace(/\r\n|[\n\t]/gu, ' ').replace(STEERING, '\uFFFD');
}

/** An answer in which all names are plain. Done once, where it comes in. */
export function withPlainNames(answer: Answer): Answer {
  if ('Messages' in answer) {
    return {
      Messages: answer.Messages.map((message) => ({
        ...message,
        from: plainLine(message.from),
        display_name: plainOrNull(message.display_name),
        event: plainOrNull(message.event),
        file: message.file && { ...message.file, name: plainLine(message.file.name) },
        reactions: message.reactions.map(([emoji, names]) => [plainLine(emoji), names.map(plainLine)]),
      })),
    };
  }
  if ('Chats' in answer) {
    const plain = (chat: ChatView) => ({
      ...chat,
      title: plainLine(chat.title),
      peer: chat.peer && withPlainName(chat.peer),
      last: chat.last && withPlainLast(chat.last),
    });
    return { Chats: answer.Chats.map(plain) };
  }
  if ('Members' in answer) return { Members: answer.Members.map(withPlainName) };
  if ('Contacts' in answer) return { Contacts: answer.Contacts.map(withPlainName) };
  if ('JoinRequests' in answer) return { JoinRequests: answer.JoinRequests.map(withPlainName) };
  if ('Requests' in answer) {
    const plain = (request: (typeof answer.Requests)[number]) => ({
      ...request,
      from: plainLine(request.from),
      display_name: plainOrNull(request.display_name),
    });
    return { Requests: answer.Requests.map(plain) };
  }
  return answer;
}

function withPlainName<T extends { name: string; display_name: string | null }>(person: T): T {
  return { ...person, name: plainLine(person.name), display_name: plainOrNull(person.display_name) };
}

function withPlainLast(last: LastView): LastView {
  return {
    ...last,
    from: plainLine(last.from),
    display_name: plainOrNull(last.display_name),
    event: plainOrNull(last.event),
    file: plainOrNull(last.file),
  };
}

function plainOrNull(text: string | null): string | null {
  return text === null ? null : plainLine(text);
}
