#pragma once

namespace vivarium::migrations {

// Migration 3: disks that are chains of files. A drive names the top of its chain.
// Never edited after a release (core/database/README.md).
constexpr char kLayers[] = R"sql(
ALTER TABLE drives ADD COLUMN format TEXT NOT NULL DEFAULT 'raw';

CREATE TABLE layers (
    path       TEXT PRIMARY KEY NOT NULL,          -- absolute
    format     TEXT NOT NULL CHECK (format IN ('raw', 'qcow2')),
    parent     TEXT REFERENCES layers (path) ON UPDATE CASCADE, -- NULL: a base
    machine_id TEXT REFERENCES machines (id) ON DELETE SET NULL, -- in whose folder it lies
    owned      INTEGER NOT NULL CHECK (owned IN (0, 1)), -- made, and so deleted, by the program
    size_bytes INTEGER NOT NULL,                   -- of the disk, as a guest sees it
    stamp      TEXT NOT NULL,                      -- of the file when it was last looked into
    CHECK (parent <> path)
) STRICT, WITHOUT ROWID;
CREATE INDEX layers_by_parent ON layers (parent);
CREATE INDEX layers_by_machine ON layers (machine_id);
)sql";

} // namespace vivarium::migrations
