#pragma once

namespace vivarium::migrations {

// Migration 5: how a disk is cached and what its errors lead to; what a file of the user's looked
// like when a layer was put on it.
// Never edited after a release (core/database/README.md).
constexpr char kDrivePolicies[] = R"sql(
ALTER TABLE drives ADD COLUMN cache_mode TEXT NOT NULL DEFAULT 'writeback';
ALTER TABLE drives ADD COLUMN on_error TEXT NOT NULL DEFAULT 'report';
ALTER TABLE drives ADD COLUMN on_full TEXT NOT NULL DEFAULT 'stop';
ALTER TABLE layers ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
)sql";

} // namespace vivarium::migrations
