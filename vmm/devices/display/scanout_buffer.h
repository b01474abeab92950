#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/base/shared_mapping.h"

#include <cstdint>

namespace vivarium {

// The adapter's own picture, for everything that viewers cannot take from video memory as it is.
class ScanoutBuffer {
public:
    // Makes room for the size and blackens it; the memory may be another one afterwards. Errors:
    // InvalidArgument (a size beyond ScanoutInfo's bounds), NoSpace; then nothing has changed.
    Result<void> resize(uint32_t width, uint32_t height);

    uint32_t width() const { return m_width; }
    uint32_t height() const { return m_height; }
    int fd() const { return m_mapping.fd(); }
    uint64_t memoryBytes() const { return m_mapping.sizeBytes(); }
    // The pixels of line `y` < height().
    uint32_t* line(uint32_t y) const;
    // Replaces line `y`; returns the rectangle that changed, one line high, or an empty one.
    Rect storeLine(uint32_t y, const uint32_t* pixels);
    void fillBlack();
    Scanout scanout(uint64_t generation) const;

private:
    SharedMapping m_mapping;
    uint32_t m_width = 0, m_height = 0;
};

} // namespace vivarium
