#pragma once

#include "vmm/bus/memory_map.h"
#include "vmm/memory/guest_memory.h"

#include <vector>

namespace vivarium {

// Maps guest RAM but for 0xA0000..0xFFFFF, which is the VGA window and the host bridge's (PAM), in
// separate regions, so that PAM changes never replace the big ones (vmm/bus/README.md). `memory` is
// borrowed by the mappings. Errors as MemoryMap::map.
Result<std::vector<MemoryMapping>> mapGuestRam(MemoryMap& map, const GuestMemory& memory);

} // namespace vivarium
