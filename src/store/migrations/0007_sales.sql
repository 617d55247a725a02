-- Sales: deals that were won, and the call or form that brought each (E01). Times are microseconds
-- since 1970 in UTC.

-- What our actions made in a CRM. `line` tells which CRM: that of the line. A deal may have several
-- rows; the first call is the one that made it.
CREATE TABLE made (
    kind TEXT NOT NULL CHECK (kind IN ('client', 'deal')),
    id   TEXT NOT NULL,
    call TEXT NOT NULL,
    line TEXT,
    -- When the call began.
    at   INTEGER NOT NULL,
    PRIMARY KEY (kind, id, call)
) STRICT, WITHOUT ROWID;

CREATE INDEX made_by_age ON made (at);

-- Communications of a client, by his numbers.
CREATE INDEX journal_by_number ON journal (number, at) WHERE number IS NOT NULL;
-- And by his id, as the settled facts have it.
ALTER TABLE journal ADD COLUMN client TEXT GENERATED ALWAYS AS (coalesce(
    CASE WHEN json_valid(anew) THEN anew ->> '$.client.client.id' END,
    CASE WHEN json_valid(facts) THEN facts ->> '$.client.client.id' END)) VIRTUAL;
CREATE INDEX journal_by_client ON journal (client, at) WHERE client IS NOT NULL;

-- A row a sale: a deal is one only once.
CREATE TABLE sale (
    id     INTEGER PRIMARY KEY,
    -- The CRM by its configured name; `builtin`: the built-in one.
    crm    TEXT NOT NULL,
    deal   TEXT NOT NULL,
    call   TEXT NOT NULL,
    step   TEXT NOT NULL CHECK (step IN ('deal', 'contact', 'first', 'last')),
    closed INTEGER NOT NULL,
    price  REAL,
    marked INTEGER NOT NULL,
    UNIQUE (crm, deal)
) STRICT;

CREATE INDEX sale_by_call ON sale (call);

-- A row a CRM: how its last run went. Whoever holds the claim runs.
CREATE TABLE sales_run (
    crm              TEXT PRIMARY KEY NOT NULL,
    -- When sales were asked for first.
    since            INTEGER NOT NULL,
    -- When the last run without a mistake began: the next one asks from then on.
    success          INTEGER,
    -- Its deals, and what became of them.
    deals            INTEGER NOT NULL DEFAULT 0,
    marked           INTEGER NOT NULL DEFAULT 0,
    known            INTEGER NOT NULL DEFAULT 0,
    no_contact       INTEGER NOT NULL DEFAULT 0,
    no_communication INTEGER NOT NULL DEFAULT 0,
    -- When a run failed after that, and why. NULL: none did.
    failed           INTEGER,
    error            TEXT,
    claimed_by       TEXT,
    claimed_until    INTEGER NOT NULL DEFAULT 0
) STRICT;

-- The built-in CRM: when a deal was won or lost. NULL: it is open, or was closed by an import or
-- before this was kept.
ALTER TABLE deal ADD COLUMN closed INTEGER;

CREATE INDEX deal_won ON deal (closed) WHERE result = 'won';
