-- Callbacks: campaigns and how far they are, and missed calls nobody has returned yet.
-- Times are microseconds since 1970 in UTC. JSON is that of the types in src/core.

-- A row a campaign.
CREATE TABLE callback (
    id       TEXT PRIMARY KEY NOT NULL,
    -- The client, E.164.
    phone    TEXT NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('form', 'missed_call', 'click')),
    stage    TEXT NOT NULL,
    -- When it wants to be woken. NULL: it waits for a phone.
    next     INTEGER,
    accepted INTEGER NOT NULL,
    updated  INTEGER NOT NULL,
    -- 1 until its end is known.
    running  INTEGER NOT NULL CHECK (running IN (0, 1)),
    -- 1 until its last leg is gone, too: an engine leads it.
    alive    INTEGER NOT NULL CHECK (alive IN (0, 1)),
    -- Everything the campaign knows.
    state    TEXT NOT NULL,
    -- The engine that leads it. It is nobody's where that engine's own row has run out.
    claimed_by TEXT
) STRICT;

-- Never two campaigns for one phone at a time.
CREATE UNIQUE INDEX callback_running ON callback (phone) WHERE running = 1;
CREATE INDEX callback_alive ON callback (claimed_by) WHERE alive = 1;
CREATE INDEX callback_stage ON callback (stage) WHERE running = 1;
CREATE INDEX callback_by_time ON callback (accepted);
CREATE INDEX callback_closed ON callback (updated) WHERE alive = 0;

-- Engines that lead campaigns. One row is renewed for all campaigns of an engine.
CREATE TABLE callback_engine (
    id    TEXT PRIMARY KEY NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- What a campaign is told from outside, by whichever process: the engine that leads it hears of it.
CREATE TABLE callback_word (
    id       INTEGER PRIMARY KEY,
    campaign TEXT NOT NULL REFERENCES callback (id) ON DELETE CASCADE,
    at       INTEGER NOT NULL,
    word     TEXT NOT NULL CHECK (word IN ('joined', 'cancel', 'client_called')),
    -- For `joined`: the order.
    body     TEXT,
    heard    INTEGER NOT NULL DEFAULT 0 CHECK (heard IN (0, 1))
) STRICT;

CREATE INDEX callback_word_by_campaign ON callback_word (campaign);
CREATE INDEX callback_word_unheard ON callback_word (campaign) WHERE heard = 0;

-- The senders' idempotency keys.
CREATE TABLE callback_key (
    key      TEXT PRIMARY KEY NOT NULL,
    campaign TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

CREATE INDEX callback_key_by_age ON callback_key (at);

-- Missed inbound calls. `closed` by the first contact with that client afterwards.
CREATE TABLE missed_call (
    call      TEXT PRIMARY KEY NOT NULL,
    number    TEXT NOT NULL,
    line      TEXT,
    at        INTEGER NOT NULL,
    closed    INTEGER,
    -- The call or campaign that did it, and which way it went.
    closed_by TEXT,
    how       TEXT CHECK (how IN ('inbound', 'outbound', 'callback'))
) STRICT;

CREATE INDEX missed_call_open ON missed_call (number) WHERE closed IS NULL;
CREATE INDEX missed_call_waits ON missed_call (at) WHERE closed IS NULL;
CREATE INDEX missed_call_by_age ON missed_call (at);
