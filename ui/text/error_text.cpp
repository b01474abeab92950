#include "ui/text/error_text.h"

#include <QCoreApplication>

#include <algorithm>
#include <cerrno>

namespace vivarium {

namespace {

class ErrorText {
    Q_DECLARE_TR_FUNCTIONS(ErrorText)
public:
    static QString title(Operation operation, const QString& subject);
    static bool isAboutSnapshots(Operation operation);
    static QString reason(Operation operation, const Error& error);
    static QString generalReason(ErrorCode code);
    static QString advice(Operation operation, ErrorCode code);
    static QString generalAdvice(ErrorCode code);
};

QString ErrorText::title(Operation operation, const QString& subject) {
    switch (operation) {
    case Operation::OpenLibrary:
        return tr("The library of machines could not be opened.");
    case Operation::StartMachine:
        return tr("The machine “%1” could not be started.").arg(subject);
    case Operation::PauseMachine:
        return tr("The machine “%1” could not be paused.").arg(subject);
    case Operation::ResumeMachine:
        return tr("The machine “%1” could not be resumed.").arg(subject);
    case Operation::ResetMachine:
        return tr("The machine “%1” could not be reset.").arg(subject);
    case Operation::ShutDownMachine:
        return tr("The shutdown signal could not be sent to the machine “%1”.").arg(subject);
    case Operation::PowerOffMachine:
        return tr("The machine “%1” could not be powered off.").arg(subject);
    case Operation::CreateMachine:
        return tr("The machine “%1” could not be created.").arg(subject);
    case Operation::AddMachine:
        return tr("“%1” could not be added to the library.").arg(subject);
    case Operation::SaveSettings:
        return tr("The settings of “%1” could not be saved.").arg(subject);
    case Operation::RenameMachine:
        return tr("The machine could not be renamed to “%1”.").arg(subject);
    case Operation::RemoveMachine:
        return tr("The machine “%1” could not be removed.").arg(subject);
    case Operation::CreateDisk:
        return tr("The disk “%1” could not be created.").arg(subject);
    case Operation::CopyDisk:
        return tr("The disk “%1” could not be copied.").arg(subject);
    case Operation::ResizeDisk:
        return tr("The disk “%1” could not be resized.").arg(subject);
    case Operation::CompactDisk:
        return tr("The disk “%1” could not be compacted.").arg(subject);
    case Operation::CheckDisk:
        return tr("The disk “%1” could not be checked.").arg(subject);
    case Operation::RemoveDisk:
        return tr("The disk “%1” could not be removed.").arg(subject);
    case Operation::ReadImage:
        return tr("The image “%1” could not be read.").arg(subject);
    case Operation::ChangeMedium:
        return tr("The medium of “%1” could not be changed.").arg(subject);
    case Operation::TakeScreenshot:
        return tr("The screenshot of “%1” could not be taken.").arg(subject);
    case Operation::TypeText:
        return tr("The text could not be typed into “%1”.").arg(subject);
    case Operation::ConnectRemoteScreen:
        return tr("The remote screen “%1” could not be shown.").arg(subject);
    case Operation::ReadLog:
        return tr("The log of “%1” could not be read.").arg(subject);
    case Operation::TakeSnapshot:
        return tr("The snapshot of “%1” could not be taken.").arg(subject);
    case Operation::RestoreSnapshot:
        return tr("The snapshot “%1” could not be restored.").arg(subject);
    case Operation::DeleteSnapshot:
        return tr("The snapshot “%1” could not be deleted.").arg(subject);
    case Operation::ChangeSnapshot:
        return tr("The snapshot “%1” could not be changed.").arg(subject);
    case Operation::ChangeTimeline:
        return tr("The timeline of “%1” could not be changed.").arg(subject);
    case Operation::ChangeTemplate:
        return tr("“%1” could not be made a template, or an ordinary machine again.").arg(subject);
    case Operation::SaveState:
        return tr("The state of “%1” could not be saved.").arg(subject);
    case Operation::DiscardSavedState:
        return tr("The saved state of “%1” could not be discarded.").arg(subject);
    case Operation::CloneMachine:
        return tr("The machine “%1” could not be cloned.").arg(subject);
    case Operation::ForkMachine:
        return tr("The machine “%1” could not be forked.").arg(subject);
    }
    return {};
}

bool ErrorText::isAboutSnapshots(Operation operation) {
    constexpr Operation kOperations[] = {Operation::TakeSnapshot,   Operation::RestoreSnapshot,
                                         Operation::DeleteSnapshot, Operation::ChangeSnapshot,
                                         Operation::ChangeTimeline, Operation::ChangeTemplate,
                                         Operation::SaveState,      Operation::DiscardSavedState,
                                         Operation::CloneMachine,   Operation::ForkMachine};
    return std::find(std::begin(kOperations), std::end(kOperations), operation) !=
           std::end(kOperations);
}

QString ErrorText::generalReason(ErrorCode code) {
    switch (code) {
    case ErrorCode::InvalidArgument:
        return tr("A value is not allowed.");
    case ErrorCode::NotFound:
        return tr("Something that is needed was not found.");
    case ErrorCode::AlreadyExists:
        return tr("There is already something with this name.");
    case ErrorCode::PermissionDenied:
        return tr("Your user account does not have the permission.");
    case ErrorCode::Busy:
        return tr("It is in use by another machine or program.");
    case ErrorCode::NoSpace:
        return tr("There is no space left on the disk of this computer.");
    case ErrorCode::Io:
        return tr("This computer reported an error while reading or writing.");
    case ErrorCode::Unsupported:
        return tr("This version of Vivarium or this computer does not support it.");
    case ErrorCode::Corrupt:
        return tr("The file is damaged or is not of the expected kind.");
    case ErrorCode::LimitExceeded:
        return tr("It is more than is allowed or available.");
    case ErrorCode::WrongState:
        return tr("That is not possible in the machine's present state.");
    case ErrorCode::Timeout:
        return tr("There was no answer in time.");
    case ErrorCode::Unavailable:
        return tr("Something that is needed is not available on this computer now.");
    case ErrorCode::Cancelled:
        return tr("It was cancelled.");
    case ErrorCode::Disconnected:
        return tr("The connection was lost.");
    case ErrorCode::Internal:
        return tr("An unexpected error occurred inside Vivarium.");
    }
    return {};
}

QString ErrorText::reason(Operation operation, const Error& error) {
    if (operation == Operation::ConnectRemoteScreen) {
        switch (error.systemErrno) { // of the socket
        case ECONNREFUSED:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENOENT:
            return tr("Nothing answers at this address.");
        default:
            break;
        }
        if (error.code == ErrorCode::InvalidArgument)
            return tr("The address is not understood.");
        if (error.code == ErrorCode::NotFound)
            return tr("There is no computer with this name.");
        if (error.code == ErrorCode::PermissionDenied)
            return tr("The password was refused.");
        if (error.code == ErrorCode::Corrupt)
            return tr("What answers at this address is not a VNC server.");
    }
    if (isAboutSnapshots(operation) && error.code == ErrorCode::Busy)
        return tr("Something else is being done to the machine, or it is in use.");
    return generalReason(error.code);
}

QString ErrorText::generalAdvice(ErrorCode code) {
    switch (code) {
    case ErrorCode::InvalidArgument:
        return tr("Correct the value in the machine's settings, then try again.");
    case ErrorCode::NotFound:
        return tr(
            "Check that the file is still where it was, or choose another one in the settings.");
    case ErrorCode::AlreadyExists:
        return tr("Choose another name.");
    case ErrorCode::PermissionDenied:
        return tr("Give your user account access to the file or folder, then try again.");
    case ErrorCode::Busy:
        return tr("Stop the other machine or program first, then try again.");
    case ErrorCode::NoSpace:
        return tr("Delete files that you do not need any more, then try again.");
    case ErrorCode::Io:
        return tr("Check the disk or the network drive that the file is on.");
    case ErrorCode::Unsupported:
        return tr("Choose another setting or another file.");
    case ErrorCode::Corrupt:
        return tr("Use another copy of the file.");
    case ErrorCode::LimitExceeded:
        return tr("Choose a smaller value, then try again.");
    case ErrorCode::WrongState:
        return tr("Wait until the present action has finished, then try again.");
    case ErrorCode::Timeout:
        return tr("Try again; if it does not help, look at the machine's log.");
    case ErrorCode::Unavailable:
        return tr("The details say what to do about it.");
    case ErrorCode::Cancelled:
        return {};
    case ErrorCode::Disconnected:
        return tr("Look at the machine's log, then start it again.");
    case ErrorCode::Internal:
        return tr("Please report this with the details and the machine's log.");
    }
    return {};
}

QString ErrorText::advice(Operation operation, ErrorCode code) {
    if (operation == Operation::OpenLibrary) {
        if (code == ErrorCode::Unsupported)
            return tr("The library was written by a newer version of Vivarium and was left "
                      "untouched. Install that version, or use another library folder.");
        if (code == ErrorCode::Corrupt)
            return tr("Nothing was changed. Restore the file from a backup (they are beside it), "
                      "or move it away to begin with an empty library.");
    }
    if (operation == Operation::StartMachine) {
        if (code == ErrorCode::LimitExceeded)
            return tr("Give the machine less memory, or close other programs, then try again.");
        if (code == ErrorCode::Busy)
            return tr("Power off the machine that uses the disk, or choose another disk.");
    }
    if (operation == Operation::ConnectRemoteScreen) {
        if (code == ErrorCode::PermissionDenied)
            return tr("Check the password, then connect again.");
        return tr("Check the address and that the remote screen is switched on, then connect "
                  "again.");
    }
    if (isAboutSnapshots(operation)) {
        if (code == ErrorCode::Busy)
            return tr("Wait until it has finished, then try again.");
        if (code == ErrorCode::InvalidArgument)
            return tr("Choose another name or description, then try again.");
        if (code == ErrorCode::WrongState)
            return tr("The details say what stands in the way.");
        if (code == ErrorCode::NotFound)
            return tr("Another program may have removed it; the list shows what there is.");
    }
    if (operation == Operation::ChangeMedium && code == ErrorCode::Busy)
        return tr("Eject the medium inside the guest first, or force it.");
    return generalAdvice(code);
}

} // namespace

QString UserMessage::body() const {
    if (reason.isEmpty() || advice.isEmpty())
        return reason + advice;
    return reason + u' ' + advice;
}

UserMessage describeError(Operation operation, const QString& subject, const Error& error) {
    UserMessage message;
    message.title = ErrorText::title(operation, subject);
    message.reason = ErrorText::reason(operation, error);
    message.advice = ErrorText::advice(operation, error.code);
    message.detail = QString::fromStdString(error.detail);
    if (error.systemErrno != 0 && message.detail.isEmpty())
        message.detail = QString::fromLocal8Bit(strerror(error.systemErrno));
    return message;
}

} // namespace vivarium
