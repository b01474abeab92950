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

// Shows it, or nothing. GUI thread.
void showProblem(InlineMessage& message, const FieldProblem& problem);

// The checks look at files and may block. Any thread.

// Whether a new disk of this size can be made in `folder`, as far as one can tell before.
FieldProblem checkNewDisk(const QString& folder, quint64 sizeBytes, DiskAllocation allocation);
// Whether the file can be a machine's disk.
FieldProblem checkExistingDisk(const QString& path);
// Whether a folder `name` for a machine's files can be made in `parentFolder`. The default folder
// finds another name by itself where that one is taken.
enum class ParentFolder { Default, Chosen };
FieldProblem checkMachineFolder(const QString& parentFolder, const QString& name,
                                ParentFolder kind);

} // namespace vivarium
