#include "vmm/machine/screen_publisher.h"

#include "vmm/base/log.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>

namespace vivarium {

ScreenPublisher::ScreenPublisher(EventLoop& loop, DeviceLock& deviceLock, Display& display,
                                 Sink sink)
    : m_loop(loop), m_deviceLock(deviceLock), m_display(display), m_sink(std::move(sink)) {}

ScreenPublisher::~ScreenPublisher() {
    setViewing(Viewing::Off);
}

void ScreenPublisher::setViewing(Viewing viewing) {
    if (viewing == m_viewing)
        return;
    m_viewing = viewing;
    if (viewing == Viewing::On) {
        m_display.addViewer(*this);
    } else {
        m_display.removeViewer(*this);
        m_memory.reset();
        m_damage.clear();
    }
}

void ScreenPublisher::scanoutChanged(const Scanout& scanout) {
    UniqueFd memory(::fcntl(scanout.fd, F_DUPFD_CLOEXEC, 3));
    if (!memory) {
        logWarning("display", systemError(errno, "a new picture is not shown").detail);
        return;
    }
    m_info = scanout.info;
    m_memory = std::move(memory);
    m_damage.clear(); // all of a new picture is new
    scheduleDelivery();
}

void ScreenPublisher::damaged(const std::vector<Rect>& rectangles) {
    m_damage.insert(m_damage.end(), rectangles.begin(), rectangles.end());
    if (m_damage.size() > kMaxRectangles) {
        Rect all;
        for (const Rect& rectangle : m_damage)
            all = all.united(rectangle);
        m_damage = {all};
    }
    scheduleDelivery();
}

void ScreenPublisher::scheduleDelivery() {
    if (std::exchange(m_scheduled, true))
        return;
    m_loop.post([this, alive = std::weak_ptr(m_alive)] {
        if (alive.lock())
            deliver();
    });
}

void ScreenPublisher::deliver() {
    ScanoutInfo info;
    UniqueFd memory;
    std::vector<Rect> damage;
    {
        MutexLocker lock(m_deviceLock);
        m_scheduled = false;
        info = m_info;
        memory = std::move(m_memory);
        damage = std::exchange(m_damage, {});
    }
    if (memory)
        m_sink.scanout(info, std::move(memory));
    if (!damage.empty())
        m_sink.damage(damage);
}

} // namespace vivarium
