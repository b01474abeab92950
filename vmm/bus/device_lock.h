#pragma once

#include "vmm/base/thread_annotations.h"

namespace vivarium {

// The one lock that guards all device state of a machine (vmm/bus/README.md says why one).
using DeviceLock = Mutex;

} // namespace vivarium
