#pragma once

#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/kvm/kvm_check.h"
#include "vmm/kvm/kvm_vm.h"
#include "vmm/kvm/vcpu_set.h"
#include "vmm/memory/guest_memory.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <vector>

namespace vivarium::test {

// A value that one thread produces and the test waits for.
template <class T>
class Mailbox {
public:
    void put(T value) {
        std::lock_guard lock(m_mutex);
        m_values.push_back(std::move(value));
        m_changed.notify_all();
    }
    std::optional<T> take(std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        std::unique_lock lock(m_mutex);
        if (!m_changed.wait_for(lock, limit, [this] { return !m_values.empty(); }))
            return std::nullopt;
        T value = std::move(m_values.front());
        m_values.pop_front();
        return value;
    }
    size_t size() {
        std::lock_guard lock(m_mutex);
        return m_values.size();
    }

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<T> m_values;
};

struct AccessRecord {
    uint64_t offset;
    unsigned sizeBytes;
    uint64_t value;
    bool operator==(const AccessRecord&) const = default;
};

// Four ports or a page of registers that tell the test what the guest writes and answer reads with
// 0x11223300 plus the offset.
class RecordingDevice {
public:
    uint64_t read(uint64_t offset, unsigned) { return 0x11223300 + offset; }
    void write(uint64_t offset, unsigned sizeBytes, uint64_t value) {
        ++writeCount;
        if (recording)
            writes.put({offset, sizeBytes, value});
    }
    Mailbox<AccessRecord> writes;
    std::atomic<bool> recording = true;
    std::atomic<uint64_t> writeCount = 0;
};

// A machine of RAM, a recording device at port 0x100 and one at 0xA0000, and a vCPU in real mode at
// 0000:1000. Members are in order of dependency.
class TestGuest {
public:
    static constexpr GuestAddress kCode = 0x1000;
    static constexpr GuestAddress kWindow = 0xA0000;

    static Result<std::unique_ptr<TestGuest>> create(const std::vector<uint8_t>& code,
                                                     uint32_t cpuCount = 1) {
        auto system = std::make_unique<KvmSystem>(TRY(KvmSystem::open()));
        auto memory = TRY(GuestMemory::create(1 << 20));
        auto vm = TRY(KvmVm::create(*system, defaultTopology(cpuCount)));
        std::unique_ptr<TestGuest> guest(
            new TestGuest(std::move(system), std::move(memory), std::move(vm)));
        TRY(guest->connect(code));
        return guest;
    }
    ~TestGuest() {
        vcpus.stop();
        map.setListener(nullptr);
    }

    // Real mode at 0000:1000, flat zero-based segments.
    Result<void> resetToCode() {
        TRY(vcpus.reset(VcpuStart::Firmware));
        auto registers = TRY(vm->vcpu(0).registers());
        registers.cs.base = 0;
        registers.cs.selector = 0;
        registers.rip = kCode;
        registers.rsp = 0x1800;
        return vm->vcpu(0).setRegisters(registers);
    }
    Result<void> run() {
        TRY(vcpus.start());
        vcpus.resume();
        return {};
    }

    std::unique_ptr<KvmSystem> system;
    GuestMemory memory;
    std::unique_ptr<KvmVm> vm;
    DeviceLock lock;
    PortBus ports{lock};
    MemoryMap map{lock};
    RecordingDevice port, window;
    Mailbox<VcpuEvent> events;
    VcpuSet vcpus;
    MemoryMapping lowRam, windowMapping, highRam;
    PortMapping portMapping;

private:
    TestGuest(std::unique_ptr<KvmSystem> s, GuestMemory m, std::unique_ptr<KvmVm> v)
        : system(std::move(s)), memory(std::move(m)), vm(std::move(v)),
          vcpus(*vm, ports, map,
                {.event = [this](const VcpuEvent& event) { events.put(event); },
                 .threadStart = {}}) {}

    Result<void> connect(const std::vector<uint8_t>& code) {
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
        map.setListener(&vm->memoryListener());
        if (!memory.write(kCode, code))
            return fail(ErrorCode::Internal, "the test's code does not fit");
        return resetToCode();
    }
};

// Why no KVM test can run here; empty: they can.
inline std::string kvmObstacle() {
    auto problems = checkKvm();
    return problems.empty() ? std::string() : kvmProblemError(problems).detail;
}

} // namespace vivarium::test
