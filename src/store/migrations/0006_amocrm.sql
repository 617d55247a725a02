-- Access to amoCRM accounts by OAuth. A refresh token can be used once: its pair is replaced in
-- one row, and whoever replaces it holds the claim meanwhile. Times are microseconds since 1970.

CREATE TABLE amocrm_token (
    -- Host and integration: `example.amocrm.ru/CLIENT_ID`.
    account       TEXT PRIMARY KEY NOT NULL,
    access        TEXT NOT NULL,
    refresh       TEXT NOT NULL,
    -- When `access` runs out.
    expires       INTEGER NOT NULL,
    -- Raised with every new pair.
    generation    INTEGER NOT NULL,
    -- Why `refresh` was refused. NULL: it was not. Only a new login helps.
    dead          TEXT,
    -- Who is about to use `refresh`, until when.
    claimed_by    TEXT,
    claimed_until INTEGER NOT NULL DEFAULT 0
) STRICT;
