#pragma once

#include "core/database/library.h"
#include "core/snapshots/snapshot_service.h"
#include "core/supervisor/supervisor.h"
#include "ui/widgets/current_preferences.h"
#include "ui/widgets/guest_display.h"

#include <QTemporaryDir>

#include <memory>

namespace vivarium::test {

// A throw-away home with an empty library and a supervisor: what the application has, without its
// windows. VIVARIUM_HOME points to it while it exists.
class GuiFixture {
public:
    GuiFixture();
    // Powers off every guest that is still there.
    ~GuiFixture();

    QString path() const { return m_home.path(); }
    Library& library() { return *m_library; }
    Supervisor& supervisor() { return *m_supervisor; }
    SnapshotService& snapshots() { return *m_snapshots; }
    CurrentPreferences& preferences() { return *m_preferences; }
    GuestDisplays& displays() { return *m_displays; }

    // Adds a machine and waits for it; a null id when that fails.
    MachineId addMachine(const QString& name, const QString& group = {},
                         const MachineSettings& settings = {});

private:
    QTemporaryDir m_home;
    std::unique_ptr<CurrentPreferences> m_preferences;
    std::unique_ptr<Library> m_library;
    std::unique_ptr<Supervisor> m_supervisor;
    std::unique_ptr<SnapshotService> m_snapshots;
    std::unique_ptr<GuestDisplays> m_displays;
};

// Waits for a future while events are handled; Timeout after 30 s.
template <class T>
Result<T> waitFor(QFuture<Result<T>> future);
template <>
Result<void> waitFor(QFuture<Result<void>> future);
template <>
Result<MachineId> waitFor(QFuture<Result<MachineId>> future);
template <>
Result<SnapshotId> waitFor(QFuture<Result<SnapshotId>> future);

} // namespace vivarium::test
