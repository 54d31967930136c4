-- What a log has put on the screen is found by its places.
CREATE INDEX message_by_log ON message (log, position);

-- The keys that this device's leaf in a log had before its latest commits (SHA-256): a server restored
-- from an older copy may have lost these. Version 3 of what tables.sql makes.
CREATE TABLE own_leaf_key (
    log BLOB NOT NULL,
    -- The commit that replaced it.
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (log, seq)
) WITHOUT ROWID;
