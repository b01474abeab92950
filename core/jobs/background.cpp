#include "core/jobs/background.h"

#include <QThreadPool>

namespace vivarium {

void runOnPool(std::function<void()> task) {
    QThreadPool::globalInstance()->start(std::move(task));
}

} // namespace vivarium
