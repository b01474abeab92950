#include "vmm/devices/chipset/generation_id.h"

#include <algorithm>
#include <utility>

namespace vivarium {

namespace {
constexpr uint64_t kPageBytes = 4096;
constexpr uint32_t kSectionVersion = 1;
} // namespace

Result<std::unique_ptr<GenerationId>> GenerationId::create(MemoryMap& memoryMap, AcpiPm& acpi,
                                                           const Uuid& id) {
    auto page = TRY(SharedMapping::create("generation-id", kPageBytes));
    // As Windows stores a GUID: its first three fields are little-endian.
    std::copy(id.begin(), id.end(), page.data());
    std::reverse(page.data(), page.data() + 4);
    std::reverse(page.data() + 4, page.data() + 6);
    std::reverse(page.data() + 6, page.data() + 8);
    std::unique_ptr<GenerationId> device(new GenerationId(acpi, id, std::move(page)));
    MemoryRegion region;
    region.name = "generation-id";
    region.base = kBase;
    region.sizeBytes = kPageBytes;
    region.kind = MemoryKind::Rom;
    region.host = device->m_page.data();
    device->m_mapping = TRY(memoryMap.map(std::move(region)));
    return device;
}

void GenerationId::save(StateWriter& writer) const {
    writer.beginSection(name(), kSectionVersion);
    writer.fields(m_id);
}

Result<void> GenerationId::restore(StateReader& reader) {
    TRY(reader.enterSection(name(), kSectionVersion));
    Uuid saved{};
    TRY(reader.fields(saved));
    if (saved != m_id)
        m_acpi.setGeneralEvent(kEvent, true);
    return {};
}

} // namespace vivarium
