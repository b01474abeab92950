#include "vmm/kvm/exit_dispatch.h"

#include <algorithm>
#include <cstring>

namespace vivarium {

namespace {

void servePorts(const VcpuExit& exit, PortBus& ports) {
    if (exit.sizeBytes != 1 && exit.sizeBytes != 2 && exit.sizeBytes != 4)
        return;
    uint8_t* data = exit.data;
    for (uint32_t i = 0; i < exit.count; ++i, data += exit.sizeBytes) {
        uint32_t value = 0;
        if (exit.direction == VcpuExit::Direction::Write) {
            std::memcpy(&value, data, exit.sizeBytes);
            ports.write(exit.port, exit.sizeBytes, value);
        } else {
            value = ports.read(exit.port, exit.sizeBytes);
            std::memcpy(data, &value, exit.sizeBytes);
        }
    }
}

} // namespace

ExitAction handleExit(const VcpuExit& exit, PortBus& ports, MemoryMap& memory) {
    switch (exit.kind) {
    case VcpuExit::Kind::Interrupted:
        return ExitAction::Enter;
    case VcpuExit::Kind::PortIo:
        servePorts(exit, ports);
        return ExitAction::Enter;
    case VcpuExit::Kind::MemoryAccess: {
        constexpr size_t kMaxBytes = 8; // KVM splits longer accesses
        size_t sizeBytes = std::min<size_t>(exit.sizeBytes, kMaxBytes);
        if (exit.direction == VcpuExit::Direction::Write)
            memory.write(exit.address, ConstByteSpan(exit.data, sizeBytes));
        else
            memory.read(exit.address, ByteSpan(exit.data, sizeBytes));
        return ExitAction::Enter;
    }
    case VcpuExit::Kind::Halt:
        return ExitAction::Halted;
    case VcpuExit::Kind::TripleFault:
        return ExitAction::TripleFault;
    case VcpuExit::Kind::PowerOff:
        return ExitAction::PowerOff;
    case VcpuExit::Kind::Reset:
        return ExitAction::Reset;
    case VcpuExit::Kind::GuestCrash:
        return ExitAction::Crashed;
    case VcpuExit::Kind::InternalError:
        return ExitAction::Failed;
    }
    return ExitAction::Failed;
}

} // namespace vivarium
