#include "vmm/snapshot/state_writer.h"

#include "vmm/snapshot/state_format.h"

#include <zlib.h>

namespace vivarium {

StateWriter::StateWriter() {
    put(kStateMagic);
    put(kStateFormatVersion);
}

void StateWriter::beginSection(std::string_view name, uint32_t version) {
    endSection();
    put(std::string(name));
    put(version);
    put(uint64_t{0}); // length and checksum are known at the end
    put(uint32_t{0});
    m_sectionStart = m_bytes.size();
}

void StateWriter::endSection() {
    if (m_sectionStart == 0)
        return;
    uint64_t length = m_bytes.size() - m_sectionStart;
    auto checksum = static_cast<uint32_t>(
        crc32_z(0, m_bytes.data() + m_sectionStart, static_cast<size_t>(length)));
    storeLe<uint64_t>(m_bytes.data() + m_sectionStart - 12, length);
    storeLe<uint32_t>(m_bytes.data() + m_sectionStart - 4, checksum);
    m_sectionStart = 0;
}

std::vector<uint8_t> StateWriter::finish() {
    endSection();
    return std::move(m_bytes);
}

void StateWriter::put(const std::vector<uint8_t>& bytes) {
    put(static_cast<uint32_t>(bytes.size()));
    m_bytes.insert(m_bytes.end(), bytes.begin(), bytes.end());
}

void StateWriter::put(const std::string& text) {
    put(static_cast<uint32_t>(text.size()));
    m_bytes.insert(m_bytes.end(), text.begin(), text.end());
}

} // namespace vivarium
