#pragma once

#include "app/cli/command_context.h"
#include "core/model/disk_layer.h"

#include <QJsonArray>
#include <QList>

namespace vivarium::cli {

// What the disk of a drive consists of, for `info`.
struct DriveReport {
    DriveSettings drive;
    QList<DiskLayer> chain; // base first; empty: no medium, or see `problem`
    QString problem;        // why a start would fail, one sentence
};

// Of all drives of a machine, in their order.
Result<QList<DriveReport>> reportDrives(CommandContext& context, const Machine& machine);
QJsonArray toJson(const QList<DriveReport>& reports);

} // namespace vivarium::cli
