#pragma once

#include "app/cli/command_context.h"
#include "core/model/machine.h"
#include "core/supervisor/supervisor.h"

#include <QJsonObject>

namespace vivarium::cli {

// What `list --json` shows of a machine.
QJsonObject summaryJson(const Machine& machine, const MachineStatus& status);
// What `info --json` shows: the summary, every setting, tags, notes, folder, times.
QJsonObject detailJson(const Machine& machine, const MachineStatus& status);

// The summary of a machine of the context's library as it is now; empty when there is none.
QJsonObject machineJson(CommandContext& context, const MachineId& id);

} // namespace vivarium::cli
