#include "vmm/snapshot/state_reader.h"

#include "vmm/snapshot/state_format.h"

#include <zlib.h>

namespace vivarium {

Result<StateReader> StateReader::open(ConstByteSpan bytes) {
    StateReader reader(bytes);
    reader.m_section = bytes;
    uint64_t magic;
    uint32_t version;
    if (!reader.get(magic) || magic != kStateMagic || !reader.get(version) || version == 0)
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
        ConstByteSpan header = m_section;
        uint64_t length;
        uint32_t checksum;
        if (!get(m_name) || !get(m_version) || !get(length))
            return truncated();
        header = header.first(header.size() - m_section.size());
        if (!get(checksum) || length > m_section.size())
            return truncated();
        ConstByteSpan payload = m_section.first(static_cast<size_t>(length));
        if (m_name != name) {
            m_section = m_section.subspan(payload.size());
            continue;
        }
        m_section = {};
        auto sum = crc32_z(crc32_z(0, header.data(), header.size()), payload.data(), length);
        if (sum != checksum)
            return fail(ErrorCode::Corrupt, "saved state: section " + m_name + " is damaged");
        if (m_version > newestVersion)
            return fail(ErrorCode::Unsupported,
                        "saved state: section " + m_name + " is from a newer version");
        m_section = payload;
        return {};
    }
    m_name = name;
    return fail(ErrorCode::NotFound, "saved state: section " + std::string(name) + " is missing");
}

Error StateReader::truncated() {
    m_section = {};
    return fail(ErrorCode::Corrupt, "saved state: truncated section header");
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
