#pragma once

#include "core/model/machine.h"
#include "core/supervisor/supervisor.h"

#include <QJsonObject>

namespace vivarium::cli {

// What `list --json` shows of a machine.
QJsonObject summaryJson(const Machine& machine, const MachineStatus& status);
// What `info --json` shows: the summary, every setting, tags, notes, folder, times.
QJsonObject detailJson(const Machine& machine, const MachineStatus& status);

} // namespace vivarium::cli
