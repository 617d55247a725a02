-- Who may use the API. Only a hash of each token is kept (SHA-256 of 256 random bits), so that
-- whoever reads the store holds no token. Times are microseconds since 1970 in UTC.
CREATE TABLE api_token (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL,
    hash    BLOB NOT NULL UNIQUE,
    -- Words of a closed list, with commas between them.
    scopes  TEXT NOT NULL,
    created INTEGER NOT NULL,
    -- A revoked token is kept: its name stands in the audit lines.
    revoked INTEGER
) STRICT;

CREATE UNIQUE INDEX api_token_by_name ON api_token (name) WHERE revoked IS NULL;
