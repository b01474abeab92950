#include "core/database/operation_lock.h"

#include "core/database/lock_file.h"
#include "core/database/short_wait.h"

namespace vivarium {

using namespace Qt::StringLiterals;

QString OperationLock::path(const QString& folder) {
    return folder + u"/operation.lock"_s;
}

Result<OperationLock> OperationLock::acquire(const QString& folder) {
    return OperationLock(TRY(acquireLock({.path = path(folder),
                                          .name = "The machine's lock file",
                                          .busy = "Another operation on the machine's snapshots is "
                                                  "under way; wait for it or cancel it."})));
}

Result<OperationLock> OperationLock::acquireSoon(const QString& folder,
                                                 const std::function<bool()>& cancelled) {
    constexpr std::chrono::milliseconds kPatience(2000);
    Result<OperationLock> lock = fail(ErrorCode::Busy, {});
    waitUntil(
        [&] {
            lock = acquire(folder);
            return lock || lock.error().code != ErrorCode::Busy;
        },
        kPatience, cancelled);
    return lock;
}

} // namespace vivarium
