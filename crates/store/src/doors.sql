-- Joining by a link. Version 4 of what tables.sql makes.

-- The doors that this device looks after: logs of requests to join groups that it is in.
CREATE TABLE door (
    door BLOB PRIMARY KEY,
    -- The group's log.
    log BLOB NOT NULL,
    secret BLOB NOT NULL,
    cursor INTEGER NOT NULL,
    -- 0 to be made, 1 open, 2 to be closed.
    state INTEGER NOT NULL
) WITHOUT ROWID;

-- Who asks there.
CREATE TABLE join_request (
    door BLOB NOT NULL,
    account BLOB NOT NULL,
    -- 0 where somebody was declined before their request was read.
    seq INTEGER NOT NULL,
    device BLOB NOT NULL,
    body BLOB NOT NULL,
    -- When the account's latest request was made (ms since 1970): older ones are not looked at.
    asked INTEGER NOT NULL,
    -- 0 waits, 1 declined, 2 answered.
    state INTEGER NOT NULL,
    PRIMARY KEY (door, account)
) WITHOUT ROWID;

-- The doors at which this device has asked.
CREATE TABLE knock (
    door BLOB PRIMARY KEY,
    -- What the link carries: the group's log, and the rest.
    log BLOB NOT NULL,
    secret BLOB NOT NULL,
    public_key BLOB NOT NULL,
    -- The request as it goes to the server, and the references of the KeyPackages of it and of earlier ones.
    id BLOB NOT NULL,
    sealed BLOB NOT NULL,
    key_packages BLOB NOT NULL,
    -- When it was first asked (ms since 1970), and how often.
    since INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    -- When to ask anew; 0 until the server has the request, -1 once this device is in.
    again INTEGER NOT NULL,
    intent INTEGER
) WITHOUT ROWID;
