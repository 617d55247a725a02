-- What occurred in calls, what the rules said to it, and what the CRM is still to be told.
-- Times are microseconds since 1970 in UTC. JSON is that of the types in src/core.

-- One row a case, written with its outbox entry in one transaction. `facts` is the case as the
-- rules saw it, so that `dozvon replay` can judge it again. Calls between employees have no
-- ruling (E02): from `rule_set` on they are empty.
CREATE TABLE journal (
    id        INTEGER PRIMARY KEY,
    call      TEXT NOT NULL,
    seq       INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    event     TEXT NOT NULL,
    direction TEXT NOT NULL,
    line      TEXT,
    number    TEXT,
    facts     TEXT NOT NULL,
    rule_set  TEXT,
    hash      TEXT,
    rules     TEXT,
    actions   TEXT,
    notes     TEXT,
    -- Set where the case was judged a second time because the facts about the client had changed
    -- by then: when, with which facts, and the ruling that holds instead.
    anew      TEXT,
    -- A case that is written a second time after a fault of the disk is the same case.
    UNIQUE (call, seq)
) STRICT;

CREATE INDEX journal_by_at ON journal (at);

-- The record of each call, once it is over.
CREATE TABLE call_record (
    id     INTEGER PRIMARY KEY,
    call   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (call, at)
) STRICT;

CREATE INDEX call_record_by_at ON call_record (at);

-- An entry: what follows from one case, in order. `client` is whose queue it stands in: an E.164
-- number, the call where the number is withheld, or one receiver of webhooks for one of them.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY,
    journal    INTEGER NOT NULL REFERENCES journal (id),
    call       TEXT NOT NULL,
    client     TEXT NOT NULL,
    lane       TEXT NOT NULL CHECK (lane IN ('crm', 'hook')),
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'working', 'done', 'parked', 'dropped')),
    -- Whether the facts are settled and `actions` are final.
    settled    INTEGER NOT NULL CHECK (settled IN (0, 1)),
    actions    TEXT NOT NULL,
    -- For each action what came of it; shorter than `actions` where nothing has been tried yet.
    progress   TEXT NOT NULL,
    -- Failures in a row.
    tries      INTEGER NOT NULL,
    next_try   INTEGER NOT NULL,
    -- From when its age counts: its making, or the last release by hand.
    since      INTEGER NOT NULL,
    last_error TEXT,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL
) STRICT;

-- The head of a client's queue.
CREATE INDEX outbox_queue ON outbox (client, id) WHERE state IN ('waiting', 'working');
-- What waits and what is parked, for metrics and for a person.
CREATE INDEX outbox_open ON outbox (state, created) WHERE state IN ('waiting', 'working', 'parked');
CREATE INDEX outbox_by_call ON outbox (call, id);
CREATE INDEX outbox_by_journal ON outbox (journal);
CREATE INDEX outbox_closed ON outbox (updated) WHERE state IN ('done', 'dropped');

-- A row a queue. Whoever holds the claim works on it, until the claim runs out.
CREATE TABLE outbox_client (
    client        TEXT PRIMARY KEY NOT NULL,
    lane          TEXT NOT NULL CHECK (lane IN ('crm', 'hook')),
    -- When its head is due. NULL: nothing waits.
    next_try      INTEGER,
    claimed_by    TEXT,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    -- Raised when an action changed what the CRM says about the client.
    revision      INTEGER NOT NULL DEFAULT 0,
    -- When it was worked on last.
    updated       INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX outbox_client_due ON outbox_client (lane, next_try) WHERE next_try IS NOT NULL;
CREATE INDEX outbox_client_claimed ON outbox_client (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX outbox_client_idle ON outbox_client (updated) WHERE next_try IS NULL;

-- What holds for a whole call: the settled facts about its client, and the ids its actions made.
CREATE TABLE outbox_call (
    call     TEXT PRIMARY KEY NOT NULL,
    -- Settled when the client's queue had this revision.
    revision INTEGER NOT NULL,
    known    TEXT NOT NULL,
    -- Whether one of its own actions changed what the CRM says about the client. From then on
    -- the facts stay; before, a change by another call settles them again.
    made     INTEGER NOT NULL CHECK (made IN (0, 1)),
    bound    TEXT NOT NULL,
    updated  INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_call_by_age ON outbox_call (updated);
