#include "vmm/softcpu/interpreter/interpreter.h"

#include "vmm/softcpu/interpreter/engine.h"

namespace vivarium::softcpu {

GuestException toException(const PageFault& fault) {
    return {
        .vector = kPageFaultVector, .errorCode = fault.errorCode, .faultAddress = fault.address};
}

Interpreter::Interpreter(CpuState& state, SoftMmu& mmu, CpuBus& bus, CpuPlatform& platform,
                         NativeUnit& native)
    : m_engine(std::make_unique<Engine>(state, mmu, bus, platform, native)) {}

Interpreter::~Interpreter() = default;

StepResult Interpreter::step() {
    return m_engine->step();
}

StepResult Interpreter::deliverInterrupt(uint8_t vector) {
    return m_engine->deliver({.kind = EventKind::External, .vector = vector}, 0, 0);
}

StepResult Interpreter::deliverNmi() {
    const StepResult result =
        m_engine->deliver({.kind = EventKind::External, .vector = kNmi}, 0, 0);
    m_engine->state.nmiBlocked = 1;
    return result;
}

StepResult Interpreter::deliverException(const GuestException& exception) {
    return m_engine->deliver({.kind = EventKind::Exception,
                              .vector = exception.vector,
                              .errorCode = exception.errorCode},
                             exception.faultAddress, exception.debugStatus);
}

const CpuFeatures& Interpreter::features() const {
    return m_engine->features;
}

} // namespace vivarium::softcpu
