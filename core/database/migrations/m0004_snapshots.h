#pragma once

namespace vivarium::migrations {

// Migration 4: snapshots, saved states, and what operations of several steps are about to do.
// Never edited after a release (core/database/README.md).
constexpr char kSnapshots[] = R"sql(
-- A guest's memory and devices at one moment: of a snapshot, of a saved machine, or of both.
CREATE TABLE memory_states (
    id         TEXT PRIMARY KEY NOT NULL,
    machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    state_path TEXT NOT NULL,
    index_path TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_states_by_machine ON memory_states (machine_id);

-- The files that the index counts, in its order; older states' files are shared.
CREATE TABLE memory_files (
    memory_id TEXT NOT NULL REFERENCES memory_states (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    path      TEXT NOT NULL,
    PRIMARY KEY (memory_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX memory_files_by_path ON memory_files (path);

CREATE TABLE snapshots (
    sequence    INTEGER PRIMARY KEY AUTOINCREMENT, -- in order of creation
    id          TEXT NOT NULL UNIQUE,
    machine_id  TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    parent_id   TEXT REFERENCES snapshots (id),    -- NULL: a first one
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at  INTEGER NOT NULL,                  -- milliseconds since 1970, UTC
    automatic   INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    memory_id   TEXT REFERENCES memory_states (id),
    thumbnail   TEXT NOT NULL,                     -- path; '': none
    settings    TEXT NOT NULL                      -- JSON, whole
) STRICT;
CREATE INDEX snapshots_by_machine ON snapshots (machine_id);
CREATE INDEX snapshots_by_parent ON snapshots (parent_id);
CREATE INDEX snapshots_by_memory ON snapshots (memory_id);

CREATE TABLE snapshot_disks (
    snapshot_id TEXT NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
    drive       TEXT NOT NULL,                     -- "sata0"
    path        TEXT NOT NULL REFERENCES layers (path) ON UPDATE CASCADE,
    PRIMARY KEY (snapshot_id, drive)
) STRICT, WITHOUT ROWID;
CREATE INDEX snapshot_disks_by_path ON snapshot_disks (path);

ALTER TABLE machines ADD COLUMN current_snapshot TEXT REFERENCES snapshots (id);
ALTER TABLE machines ADD COLUMN state_changed INTEGER NOT NULL DEFAULT 0; -- since that snapshot
ALTER TABLE machines ADD COLUMN saved_memory TEXT REFERENCES memory_states (id);
ALTER TABLE machines ADD COLUMN saved_token TEXT NOT NULL DEFAULT '';     -- of this saving
ALTER TABLE machines ADD COLUMN saved_thumbnail TEXT NOT NULL DEFAULT '';
ALTER TABLE machines ADD COLUMN is_template INTEGER NOT NULL DEFAULT 0;
ALTER TABLE machines ADD COLUMN generation_id TEXT NOT NULL DEFAULT '';   -- '': the machine's id
ALTER TABLE machines ADD COLUMN timeline TEXT NOT NULL DEFAULT '';        -- JSON; '': off
ALTER TABLE machines ADD COLUMN tree_revision INTEGER NOT NULL DEFAULT 0; -- of its snapshots
CREATE INDEX machines_by_tree_revision ON machines (tree_revision);

-- What an operation of several steps is about to do. Whoever finds the row and can take the
-- machine's operation lock finishes or undoes it.
CREATE TABLE intents (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    machine_id TEXT NOT NULL,                      -- perhaps gone
    folder     TEXT NOT NULL,                      -- the machine's, with the lock
    kind       TEXT NOT NULL,
    detail     TEXT NOT NULL                       -- JSON
) STRICT;
CREATE INDEX intents_by_machine ON intents (machine_id);

-- Files that nothing refers to any more and that are still to be deleted.
CREATE TABLE obsolete_files (
    path TEXT PRIMARY KEY NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

} // namespace vivarium::migrations
