#pragma once

#include "vmm/softcpu/cpu_state.h"
#include "vmm/softcpu/executor.h"
#include "vmm/softcpu/interpreter/interpreter.h"

namespace vivarium {

// An executor that interprets one instruction after the other. It derives nothing that could go
// stale but the TLB, which is its owner's.
class InterpreterExecutor final : public Executor {
public:
    InterpreterExecutor(softcpu::CpuState& state, softcpu::Interpreter& interpreter)
        : m_state(state), m_interpreter(interpreter) {}

    std::string_view name() const override { return "interpreter"; }
    ExecutorExit run() override {
        for (;;) {
            if (m_state.attention.load(std::memory_order_relaxed) != 0)
                return ExecutorExit::Attention;
            switch (m_interpreter.step()) {
            case softcpu::StepResult::Executed:
            case softcpu::StepResult::Faulted:
                break;
            case softcpu::StepResult::Halted:
            case softcpu::StepResult::Shutdown:
                return ExecutorExit::Inactive;
            }
        }
    }
    std::string_view errorText() const override { return {}; }
    void invalidateAll() override {}
    void requestCodeInvalidation(GuestAddress, uint64_t) override {}

private:
    softcpu::CpuState& m_state;
    softcpu::Interpreter& m_interpreter;
};

} // namespace vivarium
