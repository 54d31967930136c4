// A server in front of `veched`, as operators have: it passes everything on, and can put a newer release of the page
// in the place of the one that it gets.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** What is part of the names of a newer release's scripts, so that its files are others. */
const NEWER = '-newer';

/** Old words, and what stands for them in the newer release. */
type Changes = [string, string][];

export class Front {
  private changes: Changes | null = null;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly behind: URL,
    private readonly server: Server,
  ) {}

  /** Stands before the page at this address. */
  static async of(page: string): Promise<Front> {
    const server = createServer();
    const front = new Front(new URL(page), server);
    server.on('connection', (socket: Socket) => front.keeps(socket));
    server.on('request', (request, response) => void front.answers(request, response));
    server.on('upgrade', (request: IncomingMessage, socket: Socket) => front.passesOn(request, socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return front;
  }

  get page(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  /** From now on there is a newer release, of the same page. */
  async renews(): Promise<void> {
    const worker = await this.text('/service-worker.js');
    const scripts = [...worker.matchAll(/"\/assets\/([\w-]+)\.js"/gu)].map(([, name]) => name ?? '');
    const id = /"id":"([0-9a-f]+)"/u.exec(worker)?.[1];
    const texts = await Promise.all(scripts.map((name) => this.text(`/assets/${name}.js`)));
    const madeAt = /build:"(\d+)"/u.exec(texts.join('\n'))?.[1];
    if (id === undefined || madeAt === undefined || scripts.length === 0) throw new Error('this is no release of the page');
    this.changes = [
      ...scripts.map((name): [string, string] => [`${name}.js`, `${name}${NEWER}.js`]),
      [`"${id}"`, `"${id.split('').reverse().join('')}"`],
      [`build:"${madeAt}"`, `build:"${Number(madeAt) + 60}"`],
    ];
  }

  end(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private async text(path: string): Promise<string> {
    return (await fetch(new URL(path, this.behind))).text();
  }

  private async answers(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const isNew = path.includes(`${NEWER}.js`);
    const isScript = /^\/assets\/[\w-]+\.js$/u.test(path);
    // A server has one release, and nothing of others.
    if (isScript && isNew !== (this.changes !== null)) return void response.writeHead(404).end();
    const answer = await fetch(new URL(path.replace(`${NEWER}.js`, '.js'), this.behind));
    const headers = [...answer.headers].filter(([name]) => !/^(content-(length|encoding)|connection|transfer-encoding)$/u.test(name));
    const body = Buffer.from(await answer.arrayBuffer());
    const isText = /html|javascript/u.test(answer.headers.get('content-type') ?? '');
    response.writeHead(answer.status, Object.fromEntries(headers));
    response.end(isText ? this.renewed(body.toString()) : body);
  }

  private renewed(text: string): string {
    return (this.changes ?? []).reduce((all, [old, next]) => all.replaceAll(old, next), text);
  }

  /** A WebSocket goes through as it is. */
  private passesOn(request: IncomingMessage, socket: Socket): void {
    const onward = connect(Number(this.behind.port), this.behind.hostname, () => {
      const lines = [`GET ${request.url ?? '/'} HTTP/1.1`];
      for (let at = 0; at < request.rawHeaders.length; at += 2) lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
      onward.write(`${lines.join('\r\n')}\r\n\r\n`);
      socket.pipe(onward).pipe(socket);
    });
    this.keeps(onward);
    for (const [one, other] of [[socket, onward], [onward, socket]] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  }

  private keeps(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
  }
}
