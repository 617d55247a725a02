-- What we made in a CRM a moment ago, which its search may not know yet: other engines and this one
-- after a restart look here, so that nobody makes it twice. It takes the place of what only amoCRM
-- had; those rows were of the last minutes.

DROP TABLE amocrm_made;

CREATE TABLE crm_made (
    -- The kind of the CRM, and which account of it.
    account TEXT NOT NULL,
    -- `client`, `company`, `deal`, `unsorted`.
    kind    TEXT NOT NULL,
    -- By what it is looked for, as each CRM has it: a number, a name, an id.
    name    TEXT NOT NULL,
    -- What it became there.
    made    TEXT NOT NULL,
    -- When it was made or changed last, in microseconds since 1970.
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, kind, name)
) STRICT;
