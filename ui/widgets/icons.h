#pragma once

#include "vmm/control/machine_state.h"

#include <QIcon>
#include <QString>

namespace vivarium {

// An icon of resources/icons by file name without suffix ("machine-start"). Drawn when first
// painted.
QIcon applicationIcon(const QString& name);

QIcon stateIcon(control::MachineState state);
// The picture of a guest type's family (id of core/provision/guest_types).
QIcon guestIcon(const QString& guestType);

} // namespace vivarium
