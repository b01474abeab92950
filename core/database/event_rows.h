#pragma once

#include "core/database/database.h"
#include "core/model/machine.h"

// The rows of the machines' histories. Callers bring the transaction.
namespace vivarium::event_rows {

// Appends an event and forgets the machine's oldest beyond the number that is kept.
Result<void> insert(Database& database, const MachineId& machine, MachineEvent::Kind kind,
                    const QString& detail);

} // namespace vivarium::event_rows
