#pragma once

#include "vmm/devices/display/vga_state.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

namespace vivarium {

// The adapter's registers as fields of the open section.
void saveVgaState(const VgaState& state, StateWriter& writer);
// Error: Corrupt; `state` is usable only on success. `memoryBytes`: size of the video memory.
Result<void> restoreVgaState(VgaState& state, uint64_t memoryBytes, StateReader& reader);

} // namespace vivarium
