-- The built-in CRM. Times are microseconds since 1970 in UTC. Ids are the file's own.

CREATE TABLE employee (
    id          TEXT PRIMARY KEY NOT NULL,
    name        TEXT NOT NULL,
    deputy      TEXT REFERENCES employee (id) DEFERRABLE INITIALLY DEFERRED,
    status      TEXT NOT NULL CHECK (status IN ('active', 'on_leave', 'gone')),
    leave_until TEXT CHECK (leave_until IS NULL OR status = 'on_leave'),
    online      INTEGER CHECK (online IN (0, 1))
) STRICT;

-- Rung in the order of their positions (E10, E11).
CREATE TABLE employee_number (
    employee TEXT NOT NULL REFERENCES employee (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    kind     TEXT NOT NULL CHECK (kind IN ('line', 'outside')),
    number   TEXT NOT NULL,
    PRIMARY KEY (employee, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE employee_group (
    employee TEXT NOT NULL REFERENCES employee (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    PRIMARY KEY (employee, position)
) STRICT, WITHOUT ROWID;

-- Contacts and companies share their ids: a deal belongs to either.
CREATE TABLE client (
    entered INTEGER PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    kind    TEXT NOT NULL CHECK (kind IN ('contact', 'company')),
    name    TEXT NOT NULL,
    company TEXT REFERENCES client (id) DEFERRABLE INITIALLY DEFERRED,
    owner   TEXT REFERENCES employee (id) DEFERRABLE INITIALLY DEFERRED,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE client_number (
    client   TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    phone    TEXT NOT NULL,
    PRIMARY KEY (client, position)
) STRICT, WITHOUT ROWID;

CREATE INDEX client_number_by_phone ON client_number (phone);

CREATE TABLE deal (
    id      TEXT PRIMARY KEY NOT NULL,
    title   TEXT NOT NULL,
    client  TEXT NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    owner   TEXT REFERENCES employee (id) DEFERRABLE INITIALLY DEFERRED,
    created INTEGER NOT NULL,
    open    INTEGER NOT NULL CHECK (open IN (0, 1))
) STRICT;

CREATE INDEX deal_by_client ON deal (client);

-- Raised by everything that changes the tables above, so that a running engine sees it.
CREATE TABLE crm_revision (
    only   INTEGER PRIMARY KEY CHECK (only = 1),
    number INTEGER NOT NULL
) STRICT;

INSERT INTO crm_revision VALUES (1, 1);
