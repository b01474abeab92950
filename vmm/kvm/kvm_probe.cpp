#include "vmm/kvm/kvm_probe.h"

#include "vmm/base/bytes.h"
#include "vmm/kvm/kvm_vm.h"
#include "vmm/memory/guest_memory.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <unistd.h>

namespace vivarium {

namespace {

constexpr auto kTimeLimit = std::chrono::milliseconds(50);
constexpr uint64_t kMemoryBytes = 1 << 20;
constexpr uint64_t kCode = 0x1000, kHandler = 0x1800, kData = 0x3000, kStackTop = 0x3000,
                   kTable4 = 0x4000, kTable3 = 0x5000, kTable2 = 0x6000;

using Code = std::vector<uint8_t>;
const Code kDone{0xE6, 0x10}; // out 0x10,al: the end of a probe that passes

// How a probe's guest begins.
enum class Mode { Long, Paged32, LongUser };

struct Probe {
    const char* name;
    Mode mode;
    Code code;
};

const std::vector<Probe>& probes() {
    static const std::vector<Probe> list{
        {"FWAIT", Mode::Long, {0x9B, 0xE6, 0x10}},
        // cmpxchg16b [0x3000]; out 0x10,al
        {"CMPXCHG16B",
         Mode::Long,
         {0x48, 0x0F, 0xC7, 0x0C, 0x25, 0x00, 0x30, 0x00, 0x00, 0xE6, 0x10}},
        // movaps xmm0,[0x3000]; out 0x10,al
        {"SSE in ring 0", Mode::Long, {0x0F, 0x28, 0x04, 0x25, 0x00, 0x30, 0x00, 0x00, 0xE6, 0x10}},
        // mov eax,[0x3000]; out 0x10,al
        {"32-bit paging", Mode::Paged32, {0xA1, 0x00, 0x30, 0x00, 0x00, 0xE6, 0x10}},
        // syscall; its handler's OUT is for ring 0 only
        {"SYSCALL", Mode::LongUser, {0x0F, 0x05}},
    };
    return list;
}

// Identity mapping of the first 2 MiB, 4 MiB for 32-bit paging, for everybody.
void writeTables(GuestMemory& memory, Mode mode) {
    constexpr uint64_t kPresentWritableUser = 7, kLarge = 0x80;
    uint8_t* ram = memory.mapping().data();
    if (mode == Mode::Paged32) {
        storeLe<uint32_t>(ram + kTable4, kPresentWritableUser | kLarge);
        return;
    }
    storeLe<uint64_t>(ram + kTable4, kTable3 | kPresentWritableUser);
    storeLe<uint64_t>(ram + kTable3, kTable2 | kPresentWritableUser);
    storeLe<uint64_t>(ram + kTable2, kPresentWritableUser | kLarge);
}

VcpuRegisters firstRegisters(Mode mode, VcpuRegisters r) {
    constexpr uint64_t kProtected = 1, kCoprocessor = 2, kNumericError = 0x20,
                       kWriteProtect = 1 << 16, kPaging = uint64_t{1} << 31;
    constexpr uint64_t kPse = 1 << 4, kPae = 1 << 5, kOsfxsr = 1 << 9, kOsxmmexcpt = 1 << 10;
    const bool wide = mode != Mode::Paged32;
    const bool user = mode == Mode::LongUser;
    r.cr0 = kProtected | kCoprocessor | kNumericError | kWriteProtect | kPaging | 0x10;
    r.cr3 = kTable4;
    r.cr4 = kOsfxsr | kOsxmmexcpt | (wide ? kPae : kPse);
    r.efer = wide ? 0x501 : 0; // SCE, LME, LMA
    const auto level = static_cast<uint16_t>(user ? 3 : 0);
    const auto rights = static_cast<uint16_t>(level << 5);
    r.cs = {0, 0xFFFFFFFF, static_cast<uint16_t>(0x08 | level),
            static_cast<uint16_t>((wide ? 0xA09B : 0xC09B) | rights)};
    r.ss = r.ds = r.es = r.fs = r.gs = {0, 0xFFFFFFFF, static_cast<uint16_t>(0x10 | level),
                                        static_cast<uint16_t>(0xC093 | rights)};
    r.tr = {0, 0x67, 0x18, 0x8B};
    r.ldt = {};
    r.idt = {0, 0};
    r.rip = kCode;
    r.rsp = kStackTop;
    r.rflags = 2;
    return r;
}

// Kicks a vCPU that takes too long; joined when it goes.
class Watchdog {
public:
    explicit Watchdog(KvmVcpu& vcpu)
        : m_thread([this, &vcpu] {
              std::unique_lock lock(m_mutex);
              while (!m_changed.wait_for(lock, kTimeLimit, [this] { return m_done; })) {
                  m_expired.store(true);
                  vcpu.kick();
              }
          }) {}
    ~Watchdog() {
        std::lock_guard lock(m_mutex);
        m_done = true;
        m_changed.notify_all();
    }
    bool expired() const { return m_expired.load(); }

private:
    std::mutex m_mutex;
    std::condition_variable m_changed;
    bool m_done = false;
    std::atomic<bool> m_expired = false;
    std::jthread m_thread; // last: it uses the others
};

// A virtual machine of some RAM and a vCPU.
class ProbeMachine {
public:
    static Result<std::unique_ptr<ProbeMachine>> create(const KvmSystem& system) {
        auto memory = TRY(GuestMemory::create(kMemoryBytes));
        auto vm = TRY(KvmVm::create(system, defaultTopology(1), KvmVm::Processors::Later));
        DirectSection ram{};
        ram.sizeBytes = kMemoryBytes;
        ram.host = memory.mapping().data();
        vm->memoryListener().sectionAdded(ram);
        TRY(vm->addProcessors());
        return std::unique_ptr<ProbeMachine>(new ProbeMachine(std::move(memory), std::move(vm)));
    }

    Result<bool> passes(const Probe& probe) {
        auto& vcpu = static_cast<KvmVcpu&>(m_vm->vcpu(0));
        TRY(vcpu.reset(VcpuStart::Firmware));
        writeTables(m_memory, probe.mode);
        if (!m_memory.write(kCode, probe.code) || !m_memory.write(kHandler, kDone))
            return fail(ErrorCode::Internal, "a probe does not fit");
        const VcpuRegisters registers = TRY(vcpu.registers());
        TRY(vcpu.setSystemCallTarget(kHandler));
        if (!vcpu.setRegisters(firstRegisters(probe.mode, registers)))
            return false; // not even the mode
        Watchdog watchdog(vcpu);
        for (;;) {
            const VcpuExit exit = vcpu.run();
            if (exit.kind != VcpuExit::Kind::Interrupted)
                return exit.kind == VcpuExit::Kind::PortIo;
            if (watchdog.expired())
                return false;
        }
    }

private:
    ProbeMachine(GuestMemory memory, std::unique_ptr<KvmVm> vm)
        : m_memory(std::move(memory)), m_vm(std::move(vm)) {}

    GuestMemory m_memory;
    std::unique_ptr<KvmVm> m_vm;
};

std::string firstLine(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

constexpr const char* kHeader = "vivarium kvm probe 1 ";

// The file: a line with the host's boot id, then one for each thing that is missing.
std::optional<std::vector<std::string>> remembered(const std::filesystem::path& path,
                                                   const std::string& boot) {
    std::ifstream file(path);
    std::string line;
    if (!std::getline(file, line) || line != kHeader + boot)
        return std::nullopt;
    std::vector<std::string> missing;
    while (std::getline(file, line)) {
        const auto known = [&](const Probe& probe) { return line == probe.name; };
        if (std::none_of(probes().begin(), probes().end(), known))
            return std::nullopt;
        missing.push_back(line);
    }
    return missing;
}

void remember(const std::filesystem::path& path, const std::string& boot,
              const std::vector<std::string>& missing) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    const std::filesystem::path fresh = path.string() + "." + std::to_string(::getpid());
    {
        std::ofstream file(fresh);
        file << kHeader << boot << '\n';
        for (const std::string& name : missing)
            file << name << '\n';
        if (!file.flush())
            return;
    }
    std::filesystem::rename(fresh, path, error);
}

} // namespace

Result<std::vector<std::string>> probeKvm(const KvmSystem& system) {
    auto machine = TRY(ProbeMachine::create(system));
    std::vector<std::string> missing;
    for (const Probe& probe : probes())
        if (!TRY(machine->passes(probe)))
            missing.push_back(probe.name);
    return missing;
}

Result<std::vector<std::string>> probeKvmOnce(const KvmSystem& system,
                                              const std::string& cacheFolder) {
    const std::string boot = firstLine("/proc/sys/kernel/random/boot_id");
    const auto path = std::filesystem::path(cacheFolder) / "kvm-probe";
    const bool caches = !cacheFolder.empty() && !boot.empty();
    if (caches)
        if (auto missing = remembered(path, boot))
            return *missing;
    std::vector<std::string> missing = TRY(probeKvm(system));
    if (caches)
        remember(path, boot, missing);
    return missing;
}

} // namespace vivarium
