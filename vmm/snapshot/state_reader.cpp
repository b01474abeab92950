#include "vmm/snapshot/state_reader.h"

#include "vmm/snapshot/state_format.h"

#include <zlib.h>

namespace vivarium {

Result<StateReader> StateReader::open(ConstByteSpan bytes) {
    StateReader reader(bytes);
    reader.m_section = bytes;
    uint64_t magic;
    uint32_t version;
    if (!reader.get(magic) || magic != kStateMagic || !reader.get(version))
        return fail(ErrorCode::Corrupt, "this is not a saved state");
    if (version > kStateFormatVersion)
        return fail(ErrorCode::Unsupported, "the saved state is from a newer version");
    reader.m_bytes = reader.m_section; // sections only
    reader.m_section = {};
    return reader;
}

Result<void> StateReader::enterSection(std::string_view name, uint32_t newestVersion) {
    m_section = m_bytes;
    while (!m_section.empty()) {
        uint64_t length;
        uint32_t checksum;
        if (!get(m_name) || !get(m_version) || !get(length) || !get(checksum) ||
            length > m_section.size())
            return fail(ErrorCode::Corrupt, "saved state: truncated section header");
        ConstByteSpan payload = m_section.first(static_cast<size_t>(length));
        if (m_name != name) {
            m_section = m_section.subspan(payload.size());
            continue;
        }
        if (m_version > newestVersion)
            return fail(ErrorCode::Unsupported,
                        "saved state: section " + m_name + " is from a newer version");
        if (crc32_z(0, payload.data(), payload.size()) != checksum)
            return fail(ErrorCode::Corrupt, "saved state: section " + m_name + " is damaged");
        m_section = payload;
        return {};
    }
    return fail(ErrorCode::NotFound,
                "saved state: section " + std::string(name) + " is missing");
}

bool StateReader::get(std::vector<uint8_t>& bytes) {
    uint32_t length;
    if (!get(length) || length > m_section.size())
        return false;
    bytes.assign(m_section.begin(), m_section.begin() + length);
    m_section = m_section.subspan(length);
    return true;
}

bool StateReader::get(std::string& text) {
    uint32_t length;
    if (!get(length) || length > m_section.size())
        return false;
    text.assign(m_section.begin(), m_section.begin() + length);
    m_section = m_section.subspan(length);
    return true;
}

} // namespace vivarium
