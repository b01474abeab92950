#pragma once

#include "vmm/bus/memory_map.h"
#include "vmm/bus/port_bus.h"
#include "vmm/bus/vcpu.h"

namespace vivarium {

// What a vCPU's loop does after an exit.
enum class ExitAction {
    Enter,       // go on
    TripleFault, // reset the machine, then go on
    Reset,       // likewise, asked by the guest
    PowerOff,
    Halted,  // nothing will wake this vCPU by itself
    Crashed, // the guest reported its own crash
    Failed,  // stop and show the fault report
};

// Serves one exit: accesses go to the buses, everything else becomes an action. Free of any
// accelerator, so tests drive it with exits they make up. Takes the device lock through the buses.
ExitAction handleExit(const VcpuExit& exit, PortBus& ports, MemoryMap& memory);

} // namespace vivarium
