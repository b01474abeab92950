#include "vmm/machine/event_doorbells.h"

#include "vmm/base/unique_fd.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace vivarium {

class EventDoorbells::Bell final : public HostDoorbell {
public:
    Bell(EventDoorbells& owner, UniqueFd event, std::function<void()> callback)
        : m_owner(owner), m_event(std::move(event)), m_callback(std::move(callback)) {
        m_owner.m_bells.push_back(this);
    }
    ~Bell() override {
        m_place.reset();
        std::erase(m_owner.m_bells, this);
        m_owner.m_loop.unwatch(m_event.get());
    }

    void place(std::optional<Doorbell> doorbell) override {
        if (doorbell == m_doorbell)
            return;
        m_doorbell = doorbell;
        m_place.reset();
        if (!doorbell)
            return;
        // Refused: the guest's writes reach the bus, which is slower and as good.
        if (auto bound = m_owner.m_events.bindDoorbell(*doorbell, m_event.get()))
            m_place = std::move(*bound);
    }

    int fd() const { return m_event.get(); }
    // Whether it had been rung.
    bool clearEvent() const {
        uint64_t count = 0;
        return ::read(m_event.get(), &count, sizeof count) == sizeof count;
    }
    void call() { m_callback(); }
    bool waits = false; // rung while held

private:
    EventDoorbells& m_owner;
    UniqueFd m_event;
    std::function<void()> m_callback;
    std::optional<Doorbell> m_doorbell;
    Registration m_place;
};

Result<std::unique_ptr<HostDoorbell>> EventDoorbells::create(std::function<void()> rung) {
    UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event)
        return systemError(errno, "create a doorbell");
    auto bell = std::make_unique<Bell>(*this, std::move(event), std::move(rung));
    Bell* raw = bell.get();
    TRY(m_loop.watch(raw->fd(), EPOLLIN, [this, raw](uint32_t) { this->rung(*raw); }));
    return std::unique_ptr<HostDoorbell>(std::move(bell));
}

void EventDoorbells::rung(Bell& bell) {
    // Before the device looks, so that a ring from now on is not lost.
    bell.clearEvent();
    if (m_held) {
        bell.waits = true;
        return;
    }
    MutexLocker lock(m_deviceLock);
    bell.call();
}

void EventDoorbells::settle() {
    MutexLocker lock(m_deviceLock);
    for (Bell* bell : m_bells)
        if (bell->clearEvent() || bell->waits) {
            bell->waits = false;
            bell->call();
        }
}

void EventDoorbells::release() {
    m_held = false;
    MutexLocker lock(m_deviceLock);
    for (Bell* bell : m_bells)
        if (std::exchange(bell->waits, false))
            bell->call();
}

} // namespace vivarium
