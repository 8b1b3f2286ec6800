BEGIN TRANSACTION;
CREATE TABLE anchor (             -- carries the time over a restart; one row
    elapsed_seconds REAL NOT NULL,
    boot_seconds REAL NOT NULL,
    boot TEXT,
    wall_seconds REAL NOT NULL
);
INSERT INTO "anchor" VALUES(0.0,1000.0,'of-another-release',1767225600.0);
CREATE TABLE batches (            -- requests: fixed in their bytes and ids
    batch_id TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,         -- of its first report, so that age has one order over both tables
    level TEXT NOT NULL,
    consent_digest TEXT NOT NULL,
    schema_digest TEXT NOT NULL,
    documents INTEGER NOT NULL,
    alone INTEGER NOT NULL,
    body BLOB NOT NULL,           -- compressed, as sent
    sha256 TEXT NOT NULL,         -- of body
    audit_head TEXT,
    put_at REAL NOT NULL,
    not_before REAL NOT NULL,
    drop_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    refusal INTEGER,              -- the status that made it a dead letter
    CHECK (level IN ('minimal', 'standard', 'detailed')),
    CHECK (typeof(put_at) = 'real' AND typeof(not_before) = 'real' AND typeof(drop_at) = 'real'),
    CHECK (typeof(documents) = 'integer' AND typeof(attempts) = 'integer')
);
INSERT INTO "batches" VALUES('019b76da-a800-77f2-b70d-9e260e271365',1,'standard','c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0','5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c',1,0,X'1F8B0800000000000003AB564AC94F2ECD4DCD2B2956B28AAE56CA4C51B232D4512A484C49C9CC4B57B25252AA8DAD0500DA26943B25000000','446f1061a760c3cb4371aa4f4c93c412397bb0741ecfcac701e11a62c410da8c',NULL,0.0,0.0,604800.0,0,NULL);
CREATE TABLE losses (             -- dropped and not yet told to the audit trail
    reason TEXT PRIMARY KEY,
    documents INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE receipts (
    batch_id TEXT PRIMARY KEY,
    receipt TEXT NOT NULL,
    received_at TEXT NOT NULL,    -- as the service tells it
    accepted INTEGER NOT NULL,
    level TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    audit_head TEXT,
    done_at REAL NOT NULL
);
CREATE TABLE reports (            -- anonymized documents that no batch holds yet
    seq INTEGER PRIMARY KEY,      -- counts on from batches too: AUTOINCREMENT would write a page more for each
    level TEXT NOT NULL,
    consent_digest TEXT NOT NULL,
    schema_digest TEXT NOT NULL,
    body BLOB NOT NULL,
    alone INTEGER NOT NULL,
    put_at REAL NOT NULL,         -- all times are seconds of agent.delivery.elapsed
    not_before REAL NOT NULL,
    drop_at REAL NOT NULL,
    CHECK (level IN ('minimal', 'standard', 'detailed')),
    CHECK (typeof(put_at) = 'real' AND typeof(not_before) = 'real' AND typeof(drop_at) = 'real')
);
INSERT INTO "reports" VALUES(2,'standard','c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0','5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c',X'7B226964223A322C2270616464696E67223A22227D',0,0.0,0.0,604800.0);
CREATE TABLE service (            -- what the last answers mean for the next request; one row
    failures INTEGER NOT NULL,
    not_before REAL NOT NULL,
    halt TEXT,
    CHECK (halt IS NULL OR halt IN ('consent_stale', 'gone')),
    CHECK (typeof(failures) = 'integer' AND typeof(not_before) = 'real')
);
INSERT INTO "service" VALUES(0,0.0,'gone');
CREATE TABLE taken_once (         -- what may leave once only
    name TEXT PRIMARY KEY,
    put_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX batches_by_age ON batches (seq);
COMMIT;
