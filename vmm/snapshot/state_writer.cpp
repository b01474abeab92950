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
    m_sectionStart = m_bytes.size();
    put(std::string(name));
    put(version);
    put(uint64_t{0}); // length and checksum are known at the end
    put(uint32_t{0});
    m_payloadStart = m_bytes.size();
}

void StateWriter::endSection() {
    if (m_sectionStart == 0)
        return;
    uint8_t* payload = m_bytes.data() + m_payloadStart;
    size_t length = m_bytes.size() - m_payloadStart;
    storeLe<uint64_t>(payload - 12, length);
    uint8_t* checksumField = payload - 4;
    auto checksum =
        crc32_z(0, m_bytes.data() + m_sectionStart, m_payloadStart - 4 - m_sectionStart);
    checksum = crc32_z(checksum, payload, length);
    storeLe<uint32_t>(checksumField, static_cast<uint32_t>(checksum));
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
