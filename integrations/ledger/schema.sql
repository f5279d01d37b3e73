CREATE TABLE IF NOT EXISTS ledger (
  seq             INTEGER PRIMARY KEY CHECK (seq >= 0),
  ts              TEXT NOT NULL CHECK (ts GLOB '????-??-??T??:??:??.??????Z'),
  idempotency_key TEXT NOT NULL UNIQUE CHECK (length(idempotency_key) BETWEEN 1 AND 512),
  workflow_id     TEXT NOT NULL,
  run_id          TEXT NOT NULL,
  agent           TEXT NOT NULL,
  tier            TEXT NOT NULL CHECK (tier IN ('T0','T1','T2','T3','T4')),
  action          TEXT NOT NULL,
  payload         TEXT NOT NULL CHECK (substr(payload,1,1) = '{' AND substr(payload,-1) = '}'),
  prev_hash       BLOB NOT NULL CHECK (length(prev_hash) = 32),
  hash            BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX IF NOT EXISTS ledger_of_run ON ledger (workflow_id, run_id);
CREATE INDEX IF NOT EXISTS ledger_of_disputes ON ledger (seq) WHERE action = 'run.disputed';
CREATE TABLE IF NOT EXISTS checkpoint (            -- C2SP signed notes, one per published tree head
  size INTEGER PRIMARY KEY, root BLOB NOT NULL CHECK (length(root) = 32), note TEXT NOT NULL
) STRICT;
CREATE TRIGGER IF NOT EXISTS ledger_no_update BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER IF NOT EXISTS ledger_chain BEFORE INSERT ON ledger
WHEN NEW.seq IS NOT (SELECT coalesce(max(seq) + 1, 0) FROM ledger)
  OR NEW.prev_hash IS NOT coalesce((SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1), zeroblob(32))
  OR EXISTS (SELECT 1 FROM ledger WHERE idempotency_key = NEW.idempotency_key)   -- REPLACE fires no delete trigger
BEGIN SELECT RAISE(ABORT, 'ledger chain violation'); END;
CREATE TRIGGER IF NOT EXISTS checkpoint_grow BEFORE INSERT ON checkpoint WHEN NEW.size <= (SELECT coalesce(max(size), -1) FROM checkpoint)
BEGIN SELECT RAISE(ABORT, 'checkpoint must grow'); END;
CREATE TRIGGER IF NOT EXISTS checkpoint_no_update BEFORE UPDATE ON checkpoint BEGIN SELECT RAISE(ABORT, 'append-only'); END;
CREATE TRIGGER IF NOT EXISTS checkpoint_no_delete BEFORE DELETE ON checkpoint BEGIN SELECT RAISE(ABORT, 'append-only'); END;
