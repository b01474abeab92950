#pragma once

#include "vmm/backends/display/display.h"
#include "vmm/base/result.h"

#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium {

// A read-only view of a scanout that stays good when the guest moves on to another one. Any thread.
class MappedScanout {
public:
    // Errors: InvalidArgument (the information contradicts itself), or the host's.
    static Result<std::unique_ptr<MappedScanout>> create(const Scanout& scanout);
    ~MappedScanout();
    MappedScanout(const MappedScanout&) = delete;
    MappedScanout& operator=(const MappedScanout&) = delete;

    uint32_t width() const { return m_info.width; }
    uint32_t height() const { return m_info.height; }
    // The pixels of line `y` < height().
    const uint8_t* line(uint32_t y) const { return m_pixels + uint64_t{y} * m_info.strideBytes; }

private:
    MappedScanout(const ScanoutInfo& info, void* mapping, uint64_t mappedBytes,
                  const uint8_t* pixels)
        : m_info(info), m_mapping(mapping), m_mappedBytes(mappedBytes), m_pixels(pixels) {}

    ScanoutInfo m_info;
    void* m_mapping;
    uint64_t m_mappedBytes;
    const uint8_t* m_pixels;
};

// One client's copy of the picture. Encoders look at pixels several times, so they get a copy that
// the guest cannot change meanwhile. One thread.
class VncFrame {
public:
    // Black.
    void resize(uint32_t width, uint32_t height);
    uint32_t width() const { return m_width; }
    uint32_t height() const { return m_height; }
    char* pixels() { return reinterpret_cast<char*>(m_pixels.data()); }
    // Copies the part of `rect` that lies in both; returns it.
    Rect copy(const MappedScanout& scanout, const Rect& rect);
    void fillBlack();

private:
    std::vector<uint32_t> m_pixels;
    uint32_t m_width = 0, m_height = 0;
};

} // namespace vivarium
