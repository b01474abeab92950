#pragma once

#include "vmm/control/machine_state.h"

#include <QMetaType>
#include <QString>

namespace vivarium {

using control::MachineState;
using control::StopReason;

// What a machine is doing, as far as lock and socket tell.
struct MachineStatus {
    MachineState state = MachineState::PoweredOff;
    StopReason reason = StopReason::None;
    QString detail; // English; registers after an internal error, last words after a crash
    bool operator==(const MachineStatus&) const = default;
};

} // namespace vivarium

Q_DECLARE_METATYPE(vivarium::MachineStatus)
