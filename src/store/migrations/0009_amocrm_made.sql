-- What we made in amoCRM a moment ago, which its search may not know yet: other engines and this
-- one after a restart look here, so that nobody makes it twice.

CREATE TABLE amocrm_made (
    -- Host of the account.
    account TEXT NOT NULL,
    -- `client`, `unsorted`, `company`.
    kind    TEXT NOT NULL,
    -- Of whom: a number, or the name of a company.
    name    TEXT NOT NULL,
    -- What it became there.
    made    TEXT NOT NULL,
    -- Microseconds since 1970.
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, kind, name)
) STRICT;
