#pragma once

#include "ui/text/user_message.h"
#include "vmm/base/result.h"

#include <QString>

namespace vivarium {

// What the user asked for when an error happened; gives the message its headline.
enum class Operation {
    OpenLibrary,
    StartMachine,
    PauseMachine,
    ResumeMachine,
    ResetMachine,
    ShutDownMachine,
    PowerOffMachine,
    CreateMachine,
    AddMachine,
    SaveSettings,
    RenameMachine,
    RemoveMachine,
    CreateDisk,
    CopyDisk,
    ResizeDisk,
    CompactDisk,
    CheckDisk,
    RemoveDisk,
    ReadImage,
    ChangeMedium,
    TakeScreenshot,
    TypeText,
    ConnectRemoteScreen,
    ReadLog,
    TakeSnapshot,
    RestoreSnapshot,
    DeleteSnapshot,
    ChangeSnapshot,
    ChangeTimeline,
    ChangeTemplate,
    SaveState,
    DiscardSavedState,
    CloneMachine,
    ForkMachine,
};

// The only place in the application where an Error becomes sentences. `subject` is what the
// operation was about (a machine's name, a file, an address).
UserMessage describeError(Operation operation, const QString& subject, const Error& error);

} // namespace vivarium
