#include "vmm/base/log.h"

#include <cstdarg>
#include <cstdio>

#include <unistd.h>

namespace vivarium {

void logLine(LogLevel level, const std::string& component, const std::string& text) {
    const char* name = "info";
    switch (level) {
    case LogLevel::Error:
        name = "error";
        break;
    case LogLevel::Warning:
        name = "warning";
        break;
    case LogLevel::Info:
        break;
    }
    std::string line = std::string(name) + " " + component + ": " + text;
    for (char& c : line)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = ' ';
    line += '\n';
    // A log that cannot be written must not stop the machine.
    [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string formatText(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    va_list copy;
    va_copy(copy, arguments);
    int length = std::vsnprintf(nullptr, 0, format, copy);
    va_end(copy);
    std::string text(length > 0 ? static_cast<size_t>(length) : 0, '\0');
    std::vsnprintf(text.data(), text.size() + 1, format, arguments);
    va_end(arguments);
    return text;
}

} // namespace vivarium
