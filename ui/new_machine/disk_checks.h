#pragma once

#include "core/provision/disk_creation.h"
#include "ui/widgets/inline_message.h"

#include <QString>

namespace vivarium {

// What is wrong with a field, or worth knowing; an empty text: nothing.
struct FieldProblem {
    InlineMessage::Level level = InlineMessage::Level::Hint;
    QString text;
};

// Shows it, or nothing.
void showProblem(InlineMessage& message, const FieldProblem& problem);

// Whether a new disk of this size can be made in `folder`, as far as one can tell before.
FieldProblem checkNewDisk(const QString& folder, quint64 sizeBytes, DiskAllocation allocation);
// Whether the file can be a machine's disk.
FieldProblem checkExistingDisk(const QString& path);

} // namespace vivarium
