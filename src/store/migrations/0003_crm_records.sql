-- What the built-in CRM keeps of calls. Times are microseconds since 1970 in UTC.

ALTER TABLE client ADD COLUMN active INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1));
-- Nothing is ever removed: history hangs on it.
ALTER TABLE client ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1));
-- The call it was made in; NULL: imported.
ALTER TABLE client ADD COLUMN call TEXT;

CREATE INDEX company_by_name ON client (name) WHERE kind = 'company';
CREATE INDEX client_by_company ON client (company);

ALTER TABLE deal ADD COLUMN pipeline TEXT NOT NULL DEFAULT 'Продажи';
ALTER TABLE deal ADD COLUMN stage TEXT NOT NULL DEFAULT 'Новая';
-- NULL: open, or closed by an import, which does not tell.
ALTER TABLE deal ADD COLUMN result TEXT CHECK (result IN ('won', 'lost'));
ALTER TABLE deal ADD COLUMN call TEXT;

CREATE INDEX deal_by_call ON deal (call);

CREATE TABLE client_tag (
    client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    tag    TEXT NOT NULL,
    PRIMARY KEY (client, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE deal_tag (
    deal TEXT NOT NULL REFERENCES deal (id) ON DELETE CASCADE,
    tag  TEXT NOT NULL,
    PRIMARY KEY (deal, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_field (
    client TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (client, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE deal_field (
    deal  TEXT NOT NULL REFERENCES deal (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (deal, name)
) STRICT, WITHOUT ROWID;

-- Below, `call` is the call's own id, `number` the client's; what has no client yet hangs on the
-- number, and moves to the contact once there is one.

CREATE TABLE crm_call (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    call              TEXT NOT NULL UNIQUE,
    direction         TEXT NOT NULL,
    result            TEXT NOT NULL,
    who               TEXT REFERENCES employee (id),
    number            TEXT,
    client            TEXT REFERENCES client (id),
    deal              TEXT REFERENCES deal (id),
    line              TEXT,
    line_number       TEXT,
    started           INTEGER NOT NULL,
    answered          INTEGER,
    ended             INTEGER,
    talked            INTEGER NOT NULL,
    recording         TEXT,
    recording_seconds INTEGER,
    text              TEXT NOT NULL
) STRICT;

CREATE INDEX crm_call_by_number ON crm_call (number);
CREATE INDEX crm_call_by_client ON crm_call (client);
CREATE INDEX crm_call_by_deal ON crm_call (deal);

CREATE TABLE task (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    kind   TEXT NOT NULL,
    text   TEXT NOT NULL,
    owner  TEXT NOT NULL REFERENCES employee (id),
    due    INTEGER NOT NULL,
    done   INTEGER NOT NULL CHECK (done IN (0, 1)),
    made   INTEGER NOT NULL,
    number TEXT,
    client TEXT REFERENCES client (id),
    deal   TEXT REFERENCES deal (id),
    call   TEXT
) STRICT;

-- C05: a second one is looked for before each.
CREATE INDEX task_open_by_client ON task (client, kind, due) WHERE done = 0;
CREATE INDEX task_open_by_number ON task (number, kind, due) WHERE done = 0 AND client IS NULL;
CREATE INDEX task_by_client ON task (client);
CREATE INDEX task_by_number ON task (number);
CREATE INDEX task_by_deal ON task (deal);
CREATE INDEX task_by_call ON task (call);

CREATE TABLE note (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind    TEXT NOT NULL CHECK (kind IN ('note', 'voicemail', 'owner', 'active', 'company')),
    text    TEXT NOT NULL,
    url     TEXT,
    seconds INTEGER,
    made    INTEGER NOT NULL,
    number  TEXT,
    client  TEXT REFERENCES client (id),
    deal    TEXT REFERENCES deal (id),
    call    TEXT
) STRICT;

CREATE INDEX note_by_number ON note (number);
CREATE INDEX note_by_client ON note (client);
CREATE INDEX note_by_deal ON note (deal);
CREATE INDEX note_by_call ON note (call);

CREATE TABLE notification (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient TEXT NOT NULL REFERENCES employee (id),
    text      TEXT NOT NULL,
    read      INTEGER NOT NULL DEFAULT 0 CHECK (read IN (0, 1)),
    made      INTEGER NOT NULL,
    -- Whether it leads to the client or deal below.
    linked    INTEGER NOT NULL CHECK (linked IN (0, 1)),
    number    TEXT,
    client    TEXT REFERENCES client (id),
    deal      TEXT REFERENCES deal (id),
    call      TEXT
) STRICT;

CREATE INDEX notification_by_number ON notification (number);
CREATE INDEX notification_by_client ON notification (client);
CREATE INDEX notification_by_deal ON notification (deal);
CREATE INDEX notification_by_call ON notification (call);

CREATE TABLE unsorted (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     TEXT NOT NULL CHECK (kind IN ('call', 'form')),
    state    TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'accepted', 'declined')),
    title    TEXT NOT NULL,
    name     TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    -- JSON.
    tags     TEXT NOT NULL,
    fields   TEXT NOT NULL,
    made     INTEGER NOT NULL,
    number   TEXT,
    -- What it became.
    client   TEXT REFERENCES client (id),
    deal     TEXT REFERENCES deal (id),
    call     TEXT
) STRICT;

-- C03.
CREATE UNIQUE INDEX unsorted_waiting ON unsorted (number) WHERE state = 'waiting';
CREATE INDEX unsorted_by_number ON unsorted (number);
CREATE INDEX unsorted_by_client ON unsorted (client);
CREATE INDEX unsorted_by_deal ON unsorted (deal);
CREATE INDEX unsorted_by_call ON unsorted (call);

-- What was carried out under which key, and the answer. Committed with the work itself.
CREATE TABLE crm_done (
    n     INTEGER PRIMARY KEY AUTOINCREMENT,
    key   TEXT NOT NULL UNIQUE,
    bound TEXT NOT NULL,
    what  TEXT NOT NULL,
    at    INTEGER NOT NULL
) STRICT;

-- Ids of our own, `dz1`, `dz2` …: an imported file has its own numbering.
CREATE TABLE crm_counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    last INTEGER NOT NULL
) STRICT;

INSERT INTO crm_counter VALUES (1, 0);
