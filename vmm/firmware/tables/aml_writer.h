#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace vivarium {

// Writes the few AML terms that the machine-dependent SSDT needs (ACPI 6.4, 20.2). Names are whole
// paths: a '\' if absolute, then segments of 1 to 4 capitals or digits separated by '.'.
class AmlWriter {
public:
    // Name (path, value)
    void nameInteger(std::string_view path, uint64_t value);
    void nameString(std::string_view path, std::string_view value); // ASCII
    // Scope (path) { ... } and Device (path) { ... }: close with end().
    void beginScope(std::string_view path);
    void beginDevice(std::string_view path);
    void end();

    // The finished terms; every block must be closed.
    const std::vector<uint8_t>& bytes() const { return m_bytes; }

private:
    void begin(std::string_view path);
    void name(std::string_view path);
    void integer(uint64_t value);

    std::vector<uint8_t> m_bytes;
    std::vector<size_t> m_open; // where the packages of open blocks begin
};

} // namespace vivarium
