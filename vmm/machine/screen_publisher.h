#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/base/event_loop.h"
#include "vmm/base/unique_fd.h"
#include "vmm/bus/device_lock.h"

#include <functional>
#include <memory>
#include <vector>

namespace vivarium {

// A display viewer that hands pictures to the event loop's thread: collects what the display tells
// (device lock held, any thread) and delivers it there without the lock. Created, destroyed and
// attached with the device lock held.
class ScreenPublisher final : public DisplayViewer {
public:
    struct Sink { // on the loop's thread, lock free
        std::function<void(const ScanoutInfo& info, UniqueFd memory)> scanout;
        std::function<void(const std::vector<Rect>& rectangles)> damage;
    };
    ScreenPublisher(EventLoop& loop, DeviceLock& deviceLock, Display& display, Sink sink);
    ~ScreenPublisher() override;

    // Whether anybody looks; nothing is refreshed for nobody.
    enum class Viewing { Off, On };
    void setViewing(Viewing viewing);

private:
    static constexpr size_t kMaxRectangles = 64;

    void scanoutChanged(const Scanout& scanout) override;
    void damaged(const std::vector<Rect>& rectangles) override;
    void scheduleDelivery();
    void deliver();

    EventLoop& m_loop;
    DeviceLock& m_deviceLock;
    Display& m_display;
    Sink m_sink;
    Viewing m_viewing = Viewing::Off;
    // Not yet delivered; guarded by the device lock.
    ScanoutInfo m_info;
    UniqueFd m_memory; // valid: a scanout waits
    std::vector<Rect> m_damage;
    bool m_scheduled = false;
    std::shared_ptr<int> m_alive = std::make_shared<int>(0);
};

} // namespace vivarium
