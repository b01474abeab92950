#pragma once

#include "core/model/machine_id.h"
#include "core/supervisor/supervisor.h"
#include "vmm/base/scanout.h"

#include <QHash>
#include <QImage>
#include <QObject>
#include <QPointer>
#include <QRect>

#include <memory>
#include <vector>

namespace vivarium {

// The screen of one running guest: the worker's scanout, mapped read-only, shared by everything in
// this process that shows it. Subscribes to the worker while it exists, also over restarts of the
// machine. GUI thread; made by GuestDisplays.
class GuestDisplay : public QObject {
    Q_OBJECT
public:
    GuestDisplay(Supervisor& supervisor, const MachineId& id);
    ~GuestDisplay() override;

    MachineId machine() const { return m_machine; }
    // The guest's pixels themselves, not a copy: they change at any time. Null without a picture.
    // Copies keep the mapping alive; drop them at the next pictureReplaced().
    const QImage& picture() const { return m_picture; }
    WorkerConnection* connection() const { return m_connection; }

Q_SIGNALS:
    // picture() has another size or memory, or has gone.
    void pictureReplaced();
    // Pixels changed.
    void damaged(const std::vector<QRect>& rectangles);
    // The worker has come or gone.
    void connectionChanged();

private:
    void attach();
    void showScanout(const ScanoutInfo& info, const UniqueFd& memory);
    void dropPicture();

    Supervisor& m_supervisor;
    MachineId m_machine;
    QPointer<WorkerConnection> m_connection;
    QImage m_picture;
    quint64 m_generation = 0;
};

// Hands out the display of each machine: one object while anybody holds it. GUI thread; outlives
// what it hands out.
class GuestDisplays {
public:
    explicit GuestDisplays(Supervisor& supervisor) : m_supervisor(supervisor) {}
    std::shared_ptr<GuestDisplay> open(const MachineId& id);

private:
    Supervisor& m_supervisor;
    QHash<MachineId, std::weak_ptr<GuestDisplay>> m_open;
};

// Maps a scanout read-only as an image that owns the mapping. A null image when `info` does not
// hold together or the memory is smaller than it says or could shrink under us.
QImage mapScanout(const ScanoutInfo& info, int memoryFd);

} // namespace vivarium
