#pragma once

#include "vmm/kvm/kvm_test_guest.h"
#include "vmm/kvm/machine_clock.h"
#include "vmm/softcpu/soft_accelerator.h"

#include <condition_variable>
#include <memory>
#include <thread>
#include <vector>

namespace vivarium::test {

// vmm/kvm/kvm_test_guest.h's machine with software CPUs; a thread of its own for timers. Members
// are in order of dependency.
class SoftTestGuest {
public:
    static constexpr GuestAddress kCode = 0x1000;
    static constexpr GuestAddress kWindow = 0xA0000;

    static Result<std::unique_ptr<SoftTestGuest>> create(const std::vector<uint8_t>& code,
                                                         uint32_t cpuCount = 1) {
        auto reserve = TRY(NativeReserve::create(cpuCount));
        auto memory = TRY(GuestMemory::create(1 << 20));
        std::unique_ptr<SoftTestGuest> guest(
            new SoftTestGuest(std::move(reserve), std::move(memory)));
        TRY(guest->connect(code, cpuCount));
        return guest;
    }
    ~SoftTestGuest() {
        if (vcpus)
            vcpus->stop();
        {
            MutexLocker locker(lock);
            m_ends = true;
            m_timersChanged.notify_all();
        }
        m_timerThread = {}; // joins
        map.setListener(nullptr);
    }

    Result<void> resetToCode() {
        TRY(vcpus->reset(VcpuStart::Firmware));
        auto registers = TRY(accelerator->vcpu(0).registers());
        registers.cs.base = 0;
        registers.cs.selector = 0;
        registers.rip = kCode;
        registers.rsp = 0x1800;
        return accelerator->vcpu(0).setRegisters(registers);
    }
    Result<void> run() {
        TRY(vcpus->start());
        resume();
        return {};
    }
    void pause() {
        vcpus->pause();
        clock.pause();
    }
    void resume() {
        clock.resume();
        vcpus->resume();
        m_timersChanged.notify_all();
    }

    NativeReserve reserve;
    GuestMemory memory;
    DeviceLock lock;
    PortBus ports{lock};
    MemoryMap map{lock};
    MachineClock clock;
    TimerQueue timers{clock};
    RecordingDevice port, window;
    Mailbox<VcpuEvent> events;
    std::unique_ptr<SoftAccelerator> accelerator;
    std::unique_ptr<VcpuSet> vcpus;
    MemoryMapping lowRam, windowMapping, highRam;
    PortMapping portMapping;

private:
    SoftTestGuest(NativeReserve r, GuestMemory m) : reserve(std::move(r)), memory(std::move(m)) {}

    Result<void> connect(const std::vector<uint8_t>& code, uint32_t cpuCount) {
        accelerator = TRY(SoftAccelerator::create({lock, ports, map, timers, reserve},
                                                  defaultTopology(cpuCount)));
        memory.setWriteListener([this] { accelerator->devicesWrote(); });
        vcpus = std::make_unique<VcpuSet>(
            *accelerator, ports, map,
            VcpuSet::Hooks{.event = [this](const VcpuEvent& event) { events.put(event); },
                           .threadStart = {}});
        timers.setDeadlineChanged([this] { m_timersChanged.notify_all(); });
        m_timerThread = std::jthread([this] { runTimers(); });
        uint8_t* ram = memory.mapping().data();
        lowRam = TRY(map.map({.name = "low RAM",
                              .base = 0,
                              .sizeBytes = kWindow,
                              .kind = MemoryKind::Ram,
                              .host = ram,
                              .dirtyLog = MemoryRegion::DirtyLog::On}));
        windowMapping = TRY(
            map.map({.name = "window",
                     .base = kWindow,
                     .sizeBytes = 4096,
                     .kind = MemoryKind::Mmio,
                     .handler = ioHandler<&RecordingDevice::read, &RecordingDevice::write>(&window),
                     .priority = 10}));
        portMapping =
            TRY(ports.map("recorder", 0x100, 4,
                          ioHandler<&RecordingDevice::read, &RecordingDevice::write>(&port)));
        map.setListener(&accelerator->memoryListener());
        if (!memory.write(kCode, code))
            return fail(ErrorCode::Internal, "the test's code does not fit");
        return resetToCode();
    }

    // The machine's event loop, in small.
    void runTimers() {
        std::unique_lock locker(lock);
        while (!m_ends) {
            timers.runExpired();
            const auto next = timers.nextDeadlineNs();
            const uint64_t atNs = next ? clock.monotonicDeadlineNs(*next) : 0;
            if (atNs == 0)
                m_timersChanged.wait(locker);
            else
                m_timersChanged.wait_until(
                    locker, std::chrono::steady_clock::time_point(std::chrono::nanoseconds(atNs)));
        }
    }

    bool m_ends = false; // the device lock guards it
    std::condition_variable_any m_timersChanged;
    std::jthread m_timerThread;
};

} // namespace vivarium::test
