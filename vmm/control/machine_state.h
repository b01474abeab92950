#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace vivarium::control {

// What a machine is doing, as its worker, the library, `viv` and the application name it.
enum class MachineState : uint8_t {
    PoweredOff, // no worker, or a worker that has not been told to start
    Starting,
    Running,
    Paused,   // by the user, or by an error (see StopReason)
    Saved,    // state on disk, no worker
    Aborted,  // the worker went away without saying good-bye
    Stopping, // shutdown signal sent, or powering off
};

// "powered-off", "starting", "running", "paused", "saved", "aborted", "stopping".
std::string_view machineStateName(MachineState state);
std::optional<MachineState> machineStateFromName(std::string_view name);

// Why a machine is paused or has ended.
enum class StopReason : uint8_t {
    None,
    User,          // paused or powered off by request
    GuestShutdown, // the guest powered itself off (ACPI S5)
    GuestExit,     // the guest wrote to the test exit device
    DiskFull,      // a write found no space; resume retries it
    DiskError,     // a disk with policy "stop" failed; resume retries
    InternalError, // the CPU could not go on (KVM_EXIT_INTERNAL_ERROR); the detail has the
                   // registers
    TripleFault,   // with "stop on triple fault" set
    Saved,         // ended with its state on disk
};
std::string_view stopReasonName(StopReason reason); // "none", "user", "guest-shutdown", ...
std::optional<StopReason> stopReasonFromName(std::string_view name);

} // namespace vivarium::control
