#pragma once

namespace vivarium::migrations {

// Migration 2: disks on other buses than SATA.
// Never edited after a release (core/database/README.md).
constexpr char kDriveBus[] = R"sql(
ALTER TABLE drives ADD COLUMN bus TEXT NOT NULL DEFAULT 'sata';
)sql";

} // namespace vivarium::migrations
