#pragma once

#include "core/database/database.h"
#include "core/model/machine.h"

#include <QHash>
#include <QSet>

namespace vivarium {

// Reads and writes whole machines; the only file that knows how a Machine lies in the tables. The
// caller holds a transaction for writes.
namespace machine_rows {

// Machines whose revision is above `revision`, in no particular order; 0 reads all. Error: Corrupt,
// naming the machine, for settings that cannot be read.
Result<QList<Machine>> readChangedSince(Database& database, qint64 revision);
// The machine, or nullopt when there is none.
Result<std::optional<Machine>> read(Database& database, const MachineId& id);
Result<QSet<MachineId>> readIds(Database& database);

// Inserts a new row. The folder, name and id must be unused.
Result<void> insert(Database& database, const Machine& machine);
// Replaces settings, group, tags and notes of an existing row.
Result<void> update(Database& database, const Machine& machine);

// The library's present revision, and the next one (stored).
Result<qint64> revision(Database& database);
Result<qint64> nextRevision(Database& database);

} // namespace machine_rows

} // namespace vivarium
