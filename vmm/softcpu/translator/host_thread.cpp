#include "vmm/softcpu/translator/host_thread.h"

#include <cstdint>

#include <asm/prctl.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace vivarium::softcpu {

namespace {

constexpr unsigned long kHwcap2Fsgsbase = 1 << 1; // AT_HWCAP2: WRGSBASE works in user mode

thread_local Translator* t_running = nullptr;

bool instructionWorks() {
    static const bool works = (::getauxval(AT_HWCAP2) & kHwcap2Fsgsbase) != 0;
    return works;
}

void setGsBase(void* base) {
    if (instructionWorks())
        __asm__ volatile("wrgsbase %0" : : "r"(base) : "memory");
    else
        ::syscall(SYS_arch_prctl, ARCH_SET_GS, base);
}

} // namespace

bool HostThread::supported() {
    unsigned long base = 0;
    return instructionWorks() || ::syscall(SYS_arch_prctl, ARCH_GET_GS, &base) == 0;
}

Translator* HostThread::running() {
    return t_running;
}

HostThread::Scope::Scope(Translator& translator, void* gsBase) {
    t_running = &translator;
    setGsBase(gsBase);
}

HostThread::Scope::~Scope() {
    t_running = nullptr;
}

} // namespace vivarium::softcpu
