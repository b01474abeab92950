#pragma once

#include "vmm/base/result.h"
#include "vmm/snapshot/state_reader.h"
#include "vmm/snapshot/state_writer.h"

#include <cstdint>
#include <string_view>

namespace vivarium {

// The contract of every device (tests/support/device_contract.h checks it): reset() gives the state
// of a fresh device, save then restore gives the same state, and no access, however random, crashes,
// hangs or leaves guest memory. All calls with the device lock held and, for save and restore, with
// the vCPUs stopped and host I/O drained.
class Device {
public:
    virtual ~Device() = default;
    // Unique in the machine, stable over versions: names the section in a saved state ("rtc").
    virtual std::string_view name() const = 0;
    // Version of the saved section; raise it when fields are added.
    virtual uint32_t stateVersion() const { return 1; }
    // Power-on state. Host I/O in flight is waited for or ignored when it completes.
    virtual void reset() = 0;
    virtual void save(StateWriter& writer) const = 0;
    // The bytes are hostile: every index is checked; on an error the device is reset.
    virtual Result<void> restore(StateReader& reader) = 0;
};

} // namespace vivarium
