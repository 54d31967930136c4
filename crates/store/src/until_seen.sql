-- What is kept after the server has acknowledged it, until its effect is seen: a server restored from
-- an older copy has lost it. Version 2 of what tables.sql makes.

-- The log that an envelope invites into, and when the server first had it (ms since 1970).
ALTER TABLE delivery ADD COLUMN log BLOB;
ALTER TABLE delivery ADD COLUMN delivered INTEGER;
CREATE INDEX delivery_by_log ON delivery (log, device);

-- This device's requests to be removed from logs that it has left, as they went to the server.
CREATE TABLE departure (
    log BLOB PRIMARY KEY,
    id BLOB NOT NULL,
    seq INTEGER NOT NULL,
    read_token BLOB NOT NULL,
    write_token BLOB NOT NULL,
    bytes BLOB NOT NULL,
    -- The request inside, and the accounts of members who can be asked otherwise.
    request BLOB NOT NULL,
    members BLOB NOT NULL,
    asked INTEGER NOT NULL
) WITHOUT ROWID;

-- The request itself, which is also sent to members' inboxes, and whose answers name it.
ALTER TABLE readmission ADD COLUMN request BLOB;
