// Guest code as a hostile guest writes it, in real, protected and 64-bit mode: whatever it does,
// nothing outside its RAM may change and the translator must come back when it is called.

#include "vmm/softcpu/translator/test_machine.h"

#include <csignal>
#include <cstdlib>

#include <sys/time.h>

using namespace vivarium::softcpu;
using namespace vivarium::softcpu::test;

namespace {

constexpr size_t kHeaderBytes = 2;
constexpr int kRunMicroseconds = 2000; // of a guest that loops

std::atomic<CpuState*> g_running = nullptr;

void onTimer(int) {
    if (CpuState* state = g_running.load())
        state->attention.fetch_or(kAttentionKick);
}

void startTimer() {
    struct sigaction action {};
    action.sa_handler = onTimer;
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGALRM, &action, nullptr);
    itimerval interval{{0, kRunMicroseconds}, {0, kRunMicroseconds}};
    ::setitimer(ITIMER_REAL, &interval, nullptr);
}

void setMode(TestMachine& machine, unsigned selector) {
    CpuState& state = *machine.state;
    machine.enterLongMode();
    if (selector % 3 == 0)
        return;
    resetCpu(state, CpuReset::PowerOn);
    bool real = selector % 3 == 1;
    state.cr0 = real ? kCr0Et : kCr0Pe | kCr0Et | kCr0Ne;
    state.cr4 = kCr4Osfxsr | kCr4Osxmmexcpt;
    uint64_t base = real ? TestMachine::kCode & 0xF0000 : 0;
    for (unsigned i = 0; i < 6; ++i)
        state.segment[i] = {base, real ? 0xFFFFu : 0xFFFFFFFFu, static_cast<uint16_t>(base >> 4),
                            static_cast<uint16_t>((real ? 0 : 0xC000) | (i == kCs ? 0x9B : 0x93))};
    state.rip = real ? 0 : TestMachine::kCode;
    updateModeKey(state);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < kHeaderBytes)
        return 0;
    static TestMachine machine;
    static bool timer = (startTimer(), true);
    (void)timer;
    machine.buildTables(); // the last guest may have overwritten them
    setMode(machine, data[0]);
    CpuState& state = *machine.state;
    uint64_t random = data[1] * 0x9E3779B97F4A7C15u;
    for (uint64_t& value : state.gpr) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        value = random >> 60 < 12 ? TestMachine::kData + (random >> 40 & 0x1FFF) : random;
    }
    state.gpr[kRsp] = TestMachine::kData + 0x1000;
    size_t length = std::min(size - kHeaderBytes, size_t{TestMachine::kWindowBytes});
    uint64_t place = state.segment[kCs].base + state.rip;
    std::memcpy(machine.memory.ram() + place, data + kHeaderBytes, length);
    machine.translator().requestCodeInvalidation(place, length);
    state.activity = Activity::Running;
    state.attention.store(0);
    machine.memory.log.clear();
    g_running.store(&state);
    machine.translator().run();
    g_running.store(nullptr);
    if (!machine.memory.guardsIntact())
        std::abort();
    return 0;
}
