#pragma once

namespace vivarium {

// The adapter as one of its ports needs it. Device lock.
class AhciPortHost {
public:
    virtual ~AhciPortHost() = default;
    // What `port` shows in PxIS & PxIE may have changed.
    virtual void portInterruptChanged(unsigned port) = 0;
    // The guest lets the adapter access memory (PCI bus mastering).
    virtual bool memoryAccessAllowed() const = 0;
};

} // namespace vivarium
