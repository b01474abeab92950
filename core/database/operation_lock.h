#pragma once

#include "vmm/base/result.h"
#include "vmm/base/unique_fd.h"

#include <QString>

#include <functional>

namespace vivarium {

// The open-file-description lock on "<folder>/operation.lock": one operation on a machine's
// snapshots at a time, in any program, whether the machine runs or not. It ends with its holder,
// however that ends.
class OperationLock {
public:
    // Errors: Busy, else what opening the file said (NotFound: the machine's folder is gone).
    static Result<OperationLock> acquire(const QString& folder);
    // The same, but what tidies up in the background gets a moment to give way. Blocks for at most
    // two seconds; `cancelled` ends that.
    static Result<OperationLock> acquireSoon(const QString& folder,
                                             const std::function<bool()>& cancelled = {});
    static QString path(const QString& folder);

private:
    explicit OperationLock(UniqueFd fd) : m_fd(std::move(fd)) {}
    UniqueFd m_fd;
};

} // namespace vivarium
