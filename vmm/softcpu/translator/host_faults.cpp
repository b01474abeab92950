#include "vmm/softcpu/translator/host_faults.h"

#include "vmm/softcpu/interpreter/native_unit.h"
#include "vmm/softcpu/translator/host_thread.h"
#include "vmm/softcpu/translator/translator.h"

#include <csignal>
#include <mutex>

#include <ucontext.h>

namespace vivarium::softcpu {

namespace {

constexpr int kSignals[] = {SIGFPE, SIGSEGV, SIGBUS, SIGILL};
struct sigaction g_previous[std::size(kSignals)]; // written once, before the handlers are there

void passOn(int number, siginfo_t* information, void* context) {
    for (size_t i = 0; i < std::size(kSignals); ++i) {
        if (kSignals[i] != number)
            continue;
        const struct sigaction& previous = g_previous[i];
        if (previous.sa_flags & SA_SIGINFO)
            previous.sa_sigaction(number, information, context);
        else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
            previous.sa_handler(number);
        else
            ::sigaction(number, &previous, nullptr); // repeats the fault, without us
    }
}

// A page fault is none that a guest can cause: its accesses go to its memory only. If one does
// otherwise, the process ends before the guest learns anything.
bool causedByGuest(int number, const siginfo_t& information) {
    return number != SIGSEGV ||
           (information.si_code != SEGV_MAPERR && information.si_code != SEGV_ACCERR);
}

} // namespace

bool HostFaults::handle(void* signalContext) {
    Translator* translator = HostThread::running();
    if (!translator)
        return false;
    greg_t* registers = static_cast<ucontext_t*>(signalContext)->uc_mcontext.gregs;
    auto* address = reinterpret_cast<const void*>(registers[REG_RIP]);
    uint64_t guestRip = 0;
    if (!translator->m_cache->contains(address) || !translator->guestRipOf(address, guestRip))
        return false;
    registers[REG_RIP] = reinterpret_cast<greg_t>(translator->m_thunks.exit);
    registers[REG_R14] = static_cast<greg_t>(guestRip);            // kAddress
    registers[REG_RCX] = static_cast<greg_t>(CodeExit::Interpret); // kScratch
    return true;
}

void HostFaults::onSignal(int number, void* information, void* signalContext) {
    auto* details = static_cast<siginfo_t*>(information);
    if (number == SIGILL) {
        greg_t& rip = static_cast<ucontext_t*>(signalContext)->uc_mcontext.gregs[REG_RIP];
        if (const void* next = NativeUnit::afterUndefined(reinterpret_cast<const void*>(rip))) {
            rip = reinterpret_cast<greg_t>(next);
            return;
        }
    }
    if (!causedByGuest(number, *details) || !handle(signalContext))
        passOn(number, details, signalContext);
}

void HostFaults::install() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = [](int number, siginfo_t* information, void* context) {
            onSignal(number, information, context);
        };
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        for (size_t i = 0; i < std::size(kSignals); ++i)
            ::sigaction(kSignals[i], nullptr, &g_previous[i]);
        for (int number : kSignals)
            ::sigaction(number, &action, nullptr);
    });
}

} // namespace vivarium::softcpu
