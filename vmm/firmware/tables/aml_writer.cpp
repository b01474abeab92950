#include "vmm/firmware/tables/aml_writer.h"

#include <cassert>

namespace vivarium {

namespace {
// ACPI 6.4, 20.3.
constexpr uint8_t kNameOp = 0x08;
constexpr uint8_t kBytePrefix = 0x0A;
constexpr uint8_t kWordPrefix = 0x0B;
constexpr uint8_t kDwordPrefix = 0x0C;
constexpr uint8_t kStringPrefix = 0x0D;
constexpr uint8_t kQwordPrefix = 0x0E;
constexpr uint8_t kScopeOp = 0x10;
constexpr uint8_t kDualNamePrefix = 0x2E;
constexpr uint8_t kMultiNamePrefix = 0x2F;
constexpr uint8_t kExtendedPrefix = 0x5B;
constexpr uint8_t kDeviceOp = 0x82;
constexpr size_t kMaxPackageBytes = 1 << 28;
} // namespace

void AmlWriter::name(std::string_view path) {
    if (!path.empty() && path.front() == '\\') {
        m_bytes.push_back('\\');
        path.remove_prefix(1);
    }
    std::vector<std::string_view> segments;
    while (!path.empty()) {
        size_t dot = path.find('.');
        segments.push_back(path.substr(0, dot));
        path.remove_prefix(dot == std::string_view::npos ? path.size() : dot + 1);
    }
    assert(!segments.empty() && segments.size() < 256);
    if (segments.size() == 2)
        m_bytes.push_back(kDualNamePrefix);
    if (segments.size() > 2) {
        m_bytes.push_back(kMultiNamePrefix);
        m_bytes.push_back(static_cast<uint8_t>(segments.size()));
    }
    for (std::string_view segment : segments) {
        assert(!segment.empty() && segment.size() <= 4);
        for (size_t i = 0; i < 4; ++i) // shorter ones are padded (20.2.2)
            m_bytes.push_back(static_cast<uint8_t>(i < segment.size() ? segment[i] : '_'));
    }
}

void AmlWriter::integer(uint64_t value) {
    unsigned sizeBytes;
    if (value <= 1) {
        m_bytes.push_back(static_cast<uint8_t>(value)); // ZeroOp, OneOp
        return;
    }
    if (value <= 0xFF) {
        m_bytes.push_back(kBytePrefix);
        sizeBytes = 1;
    } else if (value <= 0xFFFF) {
        m_bytes.push_back(kWordPrefix);
        sizeBytes = 2;
    } else if (value <= 0xFFFFFFFF) {
        m_bytes.push_back(kDwordPrefix);
        sizeBytes = 4;
    } else {
        m_bytes.push_back(kQwordPrefix);
        sizeBytes = 8;
    }
    for (unsigned i = 0; i < sizeBytes; ++i)
        m_bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

void AmlWriter::nameInteger(std::string_view path, uint64_t value) {
    m_bytes.push_back(kNameOp);
    name(path);
    integer(value);
}

void AmlWriter::nameString(std::string_view path, std::string_view value) {
    m_bytes.push_back(kNameOp);
    name(path);
    m_bytes.push_back(kStringPrefix);
    m_bytes.insert(m_bytes.end(), value.begin(), value.end());
    m_bytes.push_back(0);
}

void AmlWriter::begin(std::string_view path) {
    m_open.push_back(m_bytes.size());
    name(path);
}

void AmlWriter::beginScope(std::string_view path) {
    m_bytes.push_back(kScopeOp);
    begin(path);
}

void AmlWriter::beginDevice(std::string_view path) {
    m_bytes.push_back(kExtendedPrefix);
    m_bytes.push_back(kDeviceOp);
    begin(path);
}

// Inserts the package length, which counts itself (20.2.4): one byte up to 63, else a lead byte
// with the number of further bytes in bits 7:6 and the low four bits of the length.
void AmlWriter::end() {
    assert(!m_open.empty());
    size_t start = m_open.back();
    m_open.pop_back();
    size_t contentBytes = m_bytes.size() - start;
    assert(contentBytes < kMaxPackageBytes - 4);
    std::vector<uint8_t> length;
    if (contentBytes + 1 < 0x40) {
        length.push_back(static_cast<uint8_t>(contentBytes + 1));
    } else {
        unsigned further = 1;
        while (contentBytes + 1 + further >= size_t{1} << (4 + 8 * further))
            ++further;
        size_t total = contentBytes + 1 + further;
        length.push_back(static_cast<uint8_t>(further << 6 | (total & 0x0F)));
        for (unsigned i = 0; i < further; ++i)
            length.push_back(static_cast<uint8_t>(total >> (4 + 8 * i)));
    }
    m_bytes.insert(m_bytes.begin() + static_cast<std::ptrdiff_t>(start), length.begin(),
                   length.end());
}

} // namespace vivarium
