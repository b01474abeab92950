#include "vmm/devices/display/vga_saved_state.h"

#include "vmm/devices/display/vbe_dispi.h"

namespace vivarium {

namespace {

bool bitsPerPixelValid(uint16_t bits) {
    return bits == 4 || bits == 8 || bits == 15 || bits == 16 || bits == 24 || bits == 32;
}

// Everything that is used as an index or a size; registers are masked where they are used.
bool isSane(const VgaState& s, uint64_t memoryBytes) {
    const VbeDispiState& d = s.dispi;
    return s.dacReadComponent < 3 && s.dacWriteComponent < 3 && d.width > 0 &&
           d.width <= VbeDispi::kMaxWidth && d.height > 0 && d.height <= VbeDispi::kMaxHeight &&
           bitsPerPixelValid(d.bitsPerPixel) && d.virtualWidth >= d.width &&
           d.bank < memoryBytes >> 16 && s.byteOrder <= PixelByteOrder::BigEndian;
}

// One list of the fields for both directions, so that they cannot differ.
template <class State, class Visitor>
auto visitFields(State& s, Visitor visitor) {
    auto& d = s.dispi;
    return visitor(s.miscOutput, s.featureControl, s.adapterEnable, s.sequencerIndex, s.sequencer,
                   s.crtcIndex, s.crtc, s.graphicsIndex, s.graphics, s.attributeIndex, s.attribute,
                   s.attributeDataNext, s.pixelMask, s.dacReadIndex, s.dacWriteIndex,
                   s.dacReadComponent, s.dacWriteComponent, s.dacReading, s.dacPending, s.palette,
                   s.latches, s.statusToggle, d.index, d.id, d.width, d.height, d.bitsPerPixel,
                   d.enable, d.bank, d.virtualWidth, d.offsetX, d.offsetY, s.byteOrder);
}

} // namespace

void saveVgaState(const VgaState& state, StateWriter& writer) {
    visitFields(state, [&](const auto&... fields) { writer.fields(fields...); });
}

Result<void> restoreVgaState(VgaState& state, uint64_t memoryBytes, StateReader& reader) {
    TRY(visitFields(state, [&](auto&... fields) { return reader.fields(fields...); }));
    if (!isSane(state, memoryBytes))
        return fail(ErrorCode::Corrupt, "saved state: section vga is malformed");
    return {};
}

} // namespace vivarium
