-- Living among many. Version 6 of what tables.sql makes.

-- Who is in each log, so that a group of thousands is listed without its tree.
CREATE TABLE member (
    log BLOB NOT NULL,
    account BLOB NOT NULL,
    device BLOB NOT NULL,
    -- 0 member, 1 admin, 2 owner.
    role INTEGER NOT NULL,
    PRIMARY KEY (log, account, device)
) WITHOUT ROWID;

-- Of which state of the group these rows are, and how many.
CREATE TABLE roster (
    log BLOB PRIMARY KEY,
    history BLOB NOT NULL,
    accounts INTEGER NOT NULL,
    devices INTEGER NOT NULL
) WITHOUT ROWID;

-- Whether a message calls for this person's attention.
ALTER TABLE message ADD COLUMN mentions_me INTEGER NOT NULL DEFAULT 0;
