#include "core/database/short_wait.h"
#include "core/snapshots/live_capture.h"
#include "core/snapshots/operations.h"
#include "core/snapshots/snapshot_files.h"

#include <QUuid>

namespace vivarium::operations {

using namespace Qt::StringLiterals;

Result<void> saveState(SnapshotOperation& operation) {
    TRY(operation.begin());
    if (TRY(operation.holdStopped()))
        return fail(ErrorCode::WrongState, u"“%1” is not running, so there is no state to save."_s
                                               .arg(operation.machine().settings.name)
                                               .toStdString());
    const QString token = QUuid::createUuid().toString(QUuid::WithoutBraces);
    Intent intent;
    intent.kind = Intent::Kind::Save;
    intent.detail.insert(u"token"_s, token);
    const LiveCapture capture =
        TRY(captureLive(operation, snapshot_files::savedFolder(operation.machine(), token), intent,
                        {}, AfterCapture::PowerOff));
    TRY(operation.database([&](SnapshotDatabase& rules) {
        return rules.commitSave(operation.machineId(), capture.memory, token, capture.thumbnail,
                                intent.id);
    }));
    // Over when the worker has gone, so that the machine can be resumed at once.
    constexpr std::chrono::milliseconds kPatience(2000);
    waitUntil(
        [&operation] {
            return MachineLock::inspect(operation.machine().folder).holder !=
                   MachineLock::Holder::Worker;
        },
        kPatience);
    return {};
}

Result<void> discardSavedState(SnapshotOperation& operation) {
    TRY(operation.begin());
    const QString name = operation.machine().settings.name;
    if (!operation.machine().isSaved())
        return fail(ErrorCode::WrongState,
                    u"“%1” has no saved state to discard."_s.arg(name).toStdString());
    if (!TRY(operation.holdAfterEnd()))
        return fail(ErrorCode::WrongState, u"“%1” is running already."_s.arg(name).toStdString());
    TRY(operation.database([&operation](SnapshotDatabase& rules) {
        return rules.clearSaved(operation.machineId(), {});
    }));
    return operation.removeObsolete();
}

} // namespace vivarium::operations
