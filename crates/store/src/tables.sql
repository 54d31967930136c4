-- Everything but the MLS values (see schema.rs). Version 1.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) WITHOUT ROWID;

-- KeyPackages of last resort: the one that the directory offers, and the one before.
CREATE TABLE last_resort (
    suite INTEGER NOT NULL,
    made INTEGER NOT NULL,
    package BLOB NOT NULL,
    published INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (suite, made)
) WITHOUT ROWID;

-- People: contacts, members of chats, strangers who asked.
CREATE TABLE account (
    account BLOB PRIMARY KEY,
    username TEXT UNIQUE,
    contact INTEGER NOT NULL DEFAULT 0,
    blocked INTEGER NOT NULL DEFAULT 0,
    invite BLOB,
    display_name TEXT NOT NULL DEFAULT '',
    display_since INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Conversations, as a person sees them.
CREATE TABLE chat (
    chat BLOB PRIMARY KEY,
    kind INTEGER NOT NULL,
    title TEXT NOT NULL,
    peer BLOB,
    read_arrival INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL
) WITHOUT ROWID;

-- Logs: a conversation has one, or a predecessor (rank 0) and its successor (rank 1).
CREATE TABLE log (
    log BLOB PRIMARY KEY,
    chat BLOB NOT NULL,
    rank INTEGER NOT NULL,
    state INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    cursor INTEGER NOT NULL,
    hash BLOB NOT NULL,
    last_commit INTEGER NOT NULL,
    counter INTEGER NOT NULL DEFAULT 0,
    flags INTEGER NOT NULL DEFAULT 0,
    renewed INTEGER NOT NULL DEFAULT 0,
    displaced INTEGER NOT NULL DEFAULT 0,
    displaced_at INTEGER NOT NULL DEFAULT 0,
    admin_secret BLOB,
    creation BLOB
) WITHOUT ROWID;
CREATE INDEX log_by_chat ON log (chat, rank);

-- Secrets of membership generations and the entry with which each began.
CREATE TABLE generation (
    log BLOB NOT NULL,
    number INTEGER NOT NULL,
    begins INTEGER NOT NULL,
    secret BLOB NOT NULL,
    PRIMARY KEY (log, number)
) WITHOUT ROWID;

-- The latest entries as they came, so that a server restored from an older copy gets them again.
CREATE TABLE entry (
    log BLOB NOT NULL,
    seq INTEGER NOT NULL,
    id BLOB NOT NULL,
    hash BLOB NOT NULL,
    frame BLOB NOT NULL,
    -- Of own entries: what was wanted, should it have to be done again.
    wanted BLOB,
    -- Whether it was said again because somebody could not read it.
    repeated INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (log, seq)
) WITHOUT ROWID;
CREATE INDEX entry_by_id ON entry (log, id);

-- What counts once, though it may come again: envelopes of the inbox (scope: zeros), requests in a
-- log (scope: the log).
CREATE TABLE seen (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    scope BLOB NOT NULL,
    id BLOB NOT NULL,
    UNIQUE (scope, id)
);

-- This device's request to be added to a log again; asked = when it was durable, 0 before.
CREATE TABLE readmission (
    log BLOB PRIMARY KEY,
    id BLOB NOT NULL,
    sealed BLOB NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0,
    tries INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- Devices that were added to a log and have written nothing there since.
CREATE TABLE awaited (
    log BLOB NOT NULL,
    device BLOB NOT NULL,
    added INTEGER NOT NULL,
    PRIMARY KEY (log, device)
) WITHOUT ROWID;

-- Entries that were processed before the server was restored from an older copy, until the log
-- brings them again, and which places of a log held other entries once.
CREATE TABLE lost_entry (
    log BLOB NOT NULL,
    slot INTEGER NOT NULL,
    id BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    applied INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    frame BLOB NOT NULL,
    wanted BLOB,
    PRIMARY KEY (log, slot)
) WITHOUT ROWID;
CREATE INDEX lost_entry_by_id ON lost_entry (log, id);
CREATE TABLE restoration (
    log BLOB PRIMARY KEY,
    after INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;

-- Messages that this device cannot open because of a restoration, until they are said again; what it
-- has still to look through for such; and since when the devices are in that came in of late.
CREATE TABLE unread_entry (
    log BLOB NOT NULL,
    id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    asked INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (log, id)
) WITHOUT ROWID;
CREATE TABLE missed_range (
    log BLOB PRIMARY KEY,
    after INTEGER NOT NULL,
    until INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE newcomer (
    log BLOB NOT NULL,
    device BLOB NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (log, device)
) WITHOUT ROWID;

-- The next counter expected of each leaf in the current epoch.
CREATE TABLE sender_counter (
    log BLOB NOT NULL,
    leaf INTEGER NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (log, leaf)
) WITHOUT ROWID;

-- Counters of the current epoch that this device has used for what will never be in the log.
CREATE TABLE given_up (
    log BLOB NOT NULL,
    counter INTEGER NOT NULL,
    PRIMARY KEY (log, counter)
) WITHOUT ROWID;

CREATE TABLE message (
    arrival INTEGER PRIMARY KEY AUTOINCREMENT,
    chat BLOB NOT NULL,
    id BLOB NOT NULL,
    log BLOB NOT NULL,
    rank INTEGER NOT NULL,
    position INTEGER NOT NULL,
    account BLOB NOT NULL,
    sent_at INTEGER NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT,
    content BLOB,
    text TEXT,
    event TEXT,
    reply_to BLOB,
    edited INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (chat, id)
);
CREATE INDEX message_by_order ON message (chat, rank, position, arrival);
CREATE INDEX message_by_arrival ON message (chat, arrival);

CREATE VIRTUAL TABLE message_text USING fts5 (
    text, content='message', content_rowid='arrival', tokenize='unicode61 remove_diacritics 2',
    prefix='2 3'
);
CREATE TRIGGER message_text_insert AFTER INSERT ON message BEGIN
    INSERT INTO message_text (rowid, text) VALUES (new.arrival, new.text);
END;
CREATE TRIGGER message_text_delete AFTER DELETE ON message BEGIN
    INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', old.arrival, old.text);
END;
CREATE TRIGGER message_text_update AFTER UPDATE OF text ON message BEGIN
    INSERT INTO message_text (message_text, rowid, text) VALUES ('delete', old.arrival, old.text);
    INSERT INTO message_text (rowid, text) VALUES (new.arrival, new.text);
END;

CREATE TABLE reaction (
    chat BLOB NOT NULL,
    id BLOB NOT NULL,
    target BLOB NOT NULL,
    account BLOB NOT NULL,
    emoji TEXT NOT NULL,
    PRIMARY KEY (chat, id)
) WITHOUT ROWID;
CREATE INDEX reaction_by_target ON reaction (chat, target);

CREATE TABLE receipt (
    chat BLOB NOT NULL,
    message BLOB NOT NULL,
    account BLOB NOT NULL,
    PRIMARY KEY (chat, message, account)
) WITHOUT ROWID;

-- In direct chats: the last change of a message by its author, which can come before the message.
CREATE TABLE late_change (
    target BLOB NOT NULL,
    account BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (target, account)
) WITHOUT ROWID;

-- What a person wants and has not got, and how it ended.
CREATE TABLE intent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    state INTEGER NOT NULL DEFAULT 0,
    body BLOB NOT NULL,
    outcome BLOB,
    reason TEXT
);
CREATE INDEX intent_waiting ON intent (id) WHERE state = 0;

-- Entries to be appended, in the order in which they were wanted.
CREATE TABLE outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    log BLOB NOT NULL,
    id BLOB NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    automatic INTEGER NOT NULL DEFAULT 0,
    intent INTEGER,
    body BLOB NOT NULL,
    state INTEGER NOT NULL,
    sealed BLOB,
    hash BLOB,
    commitment BLOB,
    rider BLOB,
    draft BLOB,
    after_commit INTEGER NOT NULL DEFAULT 0,
    epoch INTEGER NOT NULL DEFAULT 0,
    counter INTEGER NOT NULL DEFAULT 0,
    wait_until INTEGER NOT NULL DEFAULT 0,
    not_before INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX outbox_by_log ON outbox (log, position);

-- Envelopes for other people's inboxes.
CREATE TABLE delivery (
    id BLOB PRIMARY KEY,
    device BLOB NOT NULL,
    invite BLOB,
    needs BLOB,
    bytes BLOB NOT NULL,
    intent INTEGER
) WITHOUT ROWID;

-- Sealed files and trees: on their way up (direction 0), down (1), or here (2).
CREATE TABLE blob (
    blob BLOB PRIMARY KEY,
    direction INTEGER NOT NULL,
    total INTEGER NOT NULL,
    have INTEGER NOT NULL,
    intent INTEGER
) WITHOUT ROWID;
CREATE TABLE blob_part (
    blob BLOB NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (blob, part)
);

-- What came into the inbox and waits: for the person (0), for the join (1), for the log (2), or could
-- not be used (3).
CREATE TABLE invitation (
    id BLOB PRIMARY KEY,
    log BLOB NOT NULL,
    account BLOB NOT NULL,
    kind INTEGER NOT NULL,
    state INTEGER NOT NULL,
    intent INTEGER,
    body BLOB NOT NULL
) WITHOUT ROWID;
