#pragma once

namespace vivarium::migrations {

// Migration 1: machines, their tags and drives, the event log.
// Never edited after a release (core/database/README.md).
constexpr char kLibrary[] = R"sql(
CREATE TABLE library (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL            -- grows with every change of a machine
) STRICT;
INSERT INTO library (id, revision) VALUES (1, 0);

CREATE TABLE machines (
    id                TEXT PRIMARY KEY NOT NULL,
    name              TEXT NOT NULL UNIQUE,
    group_path        TEXT NOT NULL,
    notes             TEXT NOT NULL,
    folder            TEXT NOT NULL UNIQUE,
    created_at        INTEGER NOT NULL,  -- milliseconds since 1970, UTC
    last_seen_running INTEGER NOT NULL CHECK (last_seen_running IN (0, 1)),
    settings          TEXT NOT NULL,     -- JSON without name and drives
    revision          INTEGER NOT NULL   -- the library's when the row last changed
) STRICT;
CREATE INDEX machines_by_revision ON machines (revision);

CREATE TABLE tags (
    machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    tag        TEXT NOT NULL,
    PRIMARY KEY (machine_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE drives (
    machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    type       TEXT NOT NULL,
    port       INTEGER NOT NULL,
    path       TEXT NOT NULL,
    read_only  INTEGER NOT NULL CHECK (read_only IN (0, 1)),
    PRIMARY KEY (machine_id, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX drives_by_path ON drives (path);

-- No reference to machines: the last line about a removed machine outlives it.
CREATE TABLE events (
    sequence   INTEGER PRIMARY KEY AUTOINCREMENT,
    machine_id TEXT NOT NULL,
    time       INTEGER NOT NULL,         -- milliseconds since 1970, UTC
    kind       TEXT NOT NULL,
    detail     TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_machine ON events (machine_id, sequence);

-- Files of removed machines that are still to be deleted: finished at the next opening when the
-- program that removed the machine did not live long enough.
CREATE TABLE pending_deletions (
    path   TEXT PRIMARY KEY NOT NULL,
    folder TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

} // namespace vivarium::migrations
