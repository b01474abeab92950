#include "vmm/control/machine_state.h"

#include <array>
#include <utility>

namespace vivarium::control {

namespace {

constexpr std::array<std::pair<MachineState, std::string_view>, 7> kStateNames{{
    {MachineState::PoweredOff, "powered-off"},
    {MachineState::Starting, "starting"},
    {MachineState::Running, "running"},
    {MachineState::Paused, "paused"},
    {MachineState::Saved, "saved"},
    {MachineState::Aborted, "aborted"},
    {MachineState::Stopping, "stopping"},
}};

constexpr std::array<std::pair<StopReason, std::string_view>, 9> kReasonNames{{
    {StopReason::None, "none"},
    {StopReason::User, "user"},
    {StopReason::GuestShutdown, "guest-shutdown"},
    {StopReason::GuestExit, "guest-exit"},
    {StopReason::DiskFull, "disk-full"},
    {StopReason::DiskError, "disk-error"},
    {StopReason::InternalError, "internal-error"},
    {StopReason::TripleFault, "triple-fault"},
    {StopReason::Saved, "saved"},
}};

template <class Table, class Value>
std::string_view nameIn(const Table& table, Value value) {
    for (const auto& [candidate, name] : table)
        if (candidate == value)
            return name;
    return "unknown";
}

template <class Table>
auto valueIn(const Table& table, std::string_view name) -> std::optional<decltype(table[0].first)> {
    for (const auto& [value, candidate] : table)
        if (candidate == name)
            return value;
    return std::nullopt;
}

} // namespace

std::string_view machineStateName(MachineState state) {
    return nameIn(kStateNames, state);
}

std::optional<MachineState> machineStateFromName(std::string_view name) {
    return valueIn(kStateNames, name);
}

std::string_view stopReasonName(StopReason reason) {
    return nameIn(kReasonNames, reason);
}

std::optional<StopReason> stopReasonFromName(std::string_view name) {
    return valueIn(kReasonNames, name);
}

} // namespace vivarium::control
