#pragma once

#include "vmm/base/unique_fd.h"
#include "vmm/bus/vcpu.h"
#include "vmm/kvm/cpuid.h"
#include "vmm/kvm/instruction_completion.h"
#include "vmm/kvm/kvm_system.h"
#include "vmm/kvm/kvm_vcpu_state.h"
#include "vmm/kvm/run_gate.h"

#include <atomic>
#include <memory>
#include <vector>

#include <sys/types.h>

struct kvm_run;

namespace vivarium {

// A KVM vCPU. Threads as Vcpu says.
class KvmVcpu : public Vcpu {
public:
    // `apicId` is also KVM's vCPU id. `system`, `gate` are borrowed; registers with the gate.
    static Result<std::unique_ptr<KvmVcpu>> create(const KvmSystem& system, int vmFd, RunGate& gate,
                                                   uint32_t apicId,
                                                   const std::vector<CpuidEntry>& cpuid);
    ~KvmVcpu() override;
    KvmVcpu(const KvmVcpu&) = delete;
    KvmVcpu& operator=(const KvmVcpu&) = delete;

    VcpuExit run() override;
    void kick() override;
    Result<VcpuRegisters> registers() override;
    Result<void> setRegisters(const VcpuRegisters& registers) override;
    std::optional<GuestAddress> translate(uint64_t linearAddress) override;
    Result<void> reset(VcpuStart start) override;
    Result<void> save(StateWriter& writer) override;
    Result<void> restore(StateReader& reader) override;

    // Where SYSCALL goes, with code segment 8 and data segment 16 (a probe's guest has no other way
    // to say so).
    Result<void> setSystemCallTarget(uint64_t address);

    // What completes instructions that KVM cannot emulate; before the first run().
    void setCompletion(InstructionCompletionFactory factory) {
        m_makeCompletion = std::move(factory);
    }
    uint64_t completedInstructions() const { return m_completedInstructions; }

    // The rate of its time stamp; 0: the kernel does not say.
    uint32_t timeStampKhz() const;
    // Wishes another rate, as far as the host can. Before the time stamp itself is set.
    void setTimeStampKhz(uint32_t khz);

    // Tells the guest that it did not run for a while, so that its watchdogs keep quiet.
    void announcePause();

private:
    KvmVcpu(const KvmSystem& system, UniqueFd fd, RunGate& gate);
    Result<void> mapRunPage();
    VcpuExit translateExit();
    VcpuExit internalError() const;
    VcpuExit emulationFailed();
    Result<VcpuExit> completeInstruction();
    Result<void> setGeneralRegisters(const VcpuRegisters& registers);
    Result<void> unblockNmi();
    void noteCompletion();

    const KvmSystem& m_system;
    UniqueFd m_fd;
    RunGate& m_gate;
    RunGate::Passage m_passage;
    kvm_run* m_run = nullptr;
    std::atomic<pid_t> m_threadId = 0;
    KvmVcpuState m_powerOn;
    InstructionCompletionFactory m_makeCompletion;       // empty: none, or made already
    std::unique_ptr<InstructionCompletion> m_completion; // null: not needed yet, or none
    uint64_t m_completedInstructions = 0;
};

} // namespace vivarium
