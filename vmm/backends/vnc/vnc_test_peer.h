#pragma once

// What tests of the VNC server share: a machine's display with a server on it, and a raw
// connection.

#include "tests/support/device_test_doubles.h"
#include "vmm/backends/vnc/vnc_server.h"
#include "vmm/base/bytes.h"
#include "vmm/base/shared_mapping.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

namespace vivarium::test {

// Runs tasks at once on the caller's thread, under the device lock.
class LockedTaskQueue final : public TaskQueue {
public:
    explicit LockedTaskQueue(DeviceLock& deviceLock) : m_deviceLock(deviceLock) {}
    void post(std::function<void()> task) override {
        MutexLocker lock(m_deviceLock);
        task();
    }

private:
    DeviceLock& m_deviceLock;
};

class RecordingInput final : public InputDevice {
public:
    bool acceptsKeys() const override { return true; }
    bool acceptsAbsolutePointer() const override { return true; }
    void key(KeyCode code, bool down) override {
        std::scoped_lock lock(m_mutex);
        m_keys.emplace_back(static_cast<int>(code), down);
    }
    void absolutePointer(const AbsolutePointerEvent& event) override {
        std::scoped_lock lock(m_mutex);
        m_pointer = event;
        m_wheel += event.wheel;
    }
    std::vector<std::pair<int, bool>> keys() {
        std::scoped_lock lock(m_mutex);
        return m_keys;
    }
    AbsolutePointerEvent pointer() {
        std::scoped_lock lock(m_mutex);
        return m_pointer;
    }
    int wheel() {
        std::scoped_lock lock(m_mutex);
        return m_wheel;
    }

private:
    std::mutex m_mutex;
    std::vector<std::pair<int, bool>> m_keys;
    AbsolutePointerEvent m_pointer;
    int m_wheel = 0;
};

// A display that shows what tests draw, and a VNC server on a loopback port.
struct VncTestServer {
    class Source final : public DisplaySource {
    public:
        bool refresh() override {
            ++refreshes;
            return false;
        }
        std::optional<TextScreen> textScreen() override { return std::nullopt; }
        std::atomic<unsigned> refreshes = 0;
    };

    DeviceLock deviceLock;
    ManualClock clock;
    TimerQueue timers{clock};
    Display display{timers};
    Source source;
    InputRouter router;
    RecordingInput input;
    LockedTaskQueue tasks{deviceLock};
    SharedMapping picture;
    uint64_t generation = 0;
    uint16_t port = 0;
    std::unique_ptr<VncServer> vnc;

    explicit VncTestServer(VncOptions options = {}) {
        display.setSource(&source);
        router.addDevice(input);
        show(64, 48, 0x102030);
        UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::listen(socket.get(), 32) != 0 ||
            ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            return;
        port = ntohs(address.sin_port);
        vnc = *VncServer::create(std::move(socket), {display, router, tasks, deviceLock},
                                 std::move(options));
    }

    void show(uint32_t width, uint32_t height, uint32_t color) {
        MutexLocker lock(deviceLock);
        SharedMapping next = *SharedMapping::create("picture", uint64_t{width} * height * 4);
        for (uint64_t i = 0; i < uint64_t{width} * height; ++i)
            storeLe<uint32_t>(next.data() + i * 4, color);
        ScanoutInfo info{width, height, width * 4, 0, next.sizeBytes(), ++generation};
        display.setScanout({info, next.fd(), next.data()});
        picture = std::move(next);
        display.refreshNow();
    }
    void draw(uint32_t x, uint32_t y, uint32_t color) {
        MutexLocker lock(deviceLock);
        const ScanoutInfo& info = display.scanout().info;
        storeLe<uint32_t>(picture.data() + y * info.strideBytes + x * 4, color);
        display.addDamage({x, y, 1, 1});
        display.refreshNow();
    }
};

// A connection that speaks for itself.
class VncRawPeer {
public:
    explicit VncRawPeer(uint16_t port)
        : m_socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        m_connected =
            ::connect(m_socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    bool connected() const { return m_connected; }
    void send(std::string_view bytes) {
        [[maybe_unused]] ssize_t sent =
            ::send(m_socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    // Up to `length` bytes; fewer when the server hangs up or says nothing for ten seconds.
    std::string receive(size_t length) {
        std::string bytes;
        while (bytes.size() < length && readable()) {
            char buffer[4096];
            ssize_t got =
                ::recv(m_socket.get(), buffer, std::min(sizeof buffer, length - bytes.size()), 0);
            if (got <= 0)
                break;
            bytes.append(buffer, static_cast<size_t>(got));
        }
        return bytes;
    }
    // Whether the server hangs up within ten seconds, whatever it says before.
    bool hungUp() {
        while (readable()) {
            char buffer[4096];
            if (::recv(m_socket.get(), buffer, sizeof buffer, 0) <= 0)
                return true;
        }
        return false;
    }
    // Through the handshake without a password to the end of ServerInit.
    bool enter() {
        if (receive(12).size() != 12)
            return false;
        send("RFB 003.008\n");
        if (receive(2).size() != 2)
            return false;
        send("\x01");
        if (receive(4) != std::string(4, '\0'))
            return false;
        send("\x01");
        std::string init = receive(24);
        return init.size() == 24 &&
               receive(static_cast<uint8_t>(init[23])).size() == static_cast<uint8_t>(init[23]);
    }

private:
    bool readable() {
        pollfd fd{m_socket.get(), POLLIN, 0};
        return ::poll(&fd, 1, 10'000) > 0;
    }
    UniqueFd m_socket;
    bool m_connected = false;
};

} // namespace vivarium::test
