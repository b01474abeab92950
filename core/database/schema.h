#pragma once

#include "core/database/database.h"

#include <span>

namespace vivarium {

// One step of the schema; applied in a transaction of its own, in order, once.
struct Migration {
    int version; // counts from 1 without gaps
    const char* sql;
};

// Marks the file as ours ("VIVA"), so that a foreign SQLite file is recognised.
constexpr qint64 kApplicationId = 0x56495641;

// All migrations of this version.
std::span<const Migration> libraryMigrations();

// Brings a database to the newest of `migrations`; safe when several programs do it at once. Before
// an existing library is changed it is checked and copied to "<path>.v<N>.backup".
// Errors: Corrupt (foreign or damaged), Unsupported (newer than `migrations`), NoSpace,
// PermissionDenied; the file then keeps its content.
Result<void> upgradeSchema(Database& database, std::span<const Migration> migrations);

} // namespace vivarium
