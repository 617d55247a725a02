-- Of several CRMs each has its own queue for a client: one that is down holds up nobody else. `crm`
-- is its name in the configuration, and empty for webhooks. It is empty, too, for what was written
-- down before there was this column: an engine moves that into the queue of the CRM of its line
-- before it works on anything, as it does where a CRM has left the configuration.
ALTER TABLE outbox ADD COLUMN crm TEXT NOT NULL DEFAULT '';

DROP INDEX outbox_queue;
CREATE INDEX outbox_queue ON outbox (client, crm, id) WHERE state IN ('waiting', 'working');
DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (state, crm, created) WHERE state IN ('waiting', 'working', 'parked');

CREATE TABLE outbox_queue_by_crm (
    client        TEXT NOT NULL,
    crm           TEXT NOT NULL,
    lane          TEXT NOT NULL CHECK (lane IN ('crm', 'hook')),
    next_try      INTEGER,
    claimed_by    TEXT,
    claimed_until INTEGER NOT NULL DEFAULT 0,
    revision      INTEGER NOT NULL DEFAULT 0,
    updated       INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (client, crm)
) STRICT;

INSERT INTO outbox_queue_by_crm
    SELECT client, '', lane, next_try, claimed_by, claimed_until, revision, updated FROM outbox_client;

DROP TABLE outbox_client;
ALTER TABLE outbox_queue_by_crm RENAME TO outbox_client;

CREATE INDEX outbox_client_due ON outbox_client (lane, crm, next_try) WHERE next_try IS NOT NULL;
CREATE INDEX outbox_client_claimed ON outbox_client (claimed_by) WHERE claimed_by IS NOT NULL;
CREATE INDEX outbox_client_idle ON outbox_client (updated) WHERE next_try IS NULL;
