#pragma once

#include <cstdint>
#include <string>

namespace vivarium {

// Log lines go to standard error, one write a line, "LEVEL component: text"; the supervisor makes
// a worker's standard error the machine's log file. Levels by audience: Error = the user's action
// failed, Warning = odd but safe, Info = a rare change of state.
enum class LogLevel { Error, Warning, Info };

// Any thread. `component` names the device or part. Control characters in the text are replaced.
void logLine(LogLevel level, const std::string& component, const std::string& text);

inline void logError(const std::string& component, const std::string& text) {
    logLine(LogLevel::Error, component, text);
}
inline void logWarning(const std::string& component, const std::string& text) {
    logLine(LogLevel::Warning, component, text);
}
inline void logInfo(const std::string& component, const std::string& text) {
    logLine(LogLevel::Info, component, text);
}

// printf-style text as a std::string.
__attribute__((format(printf, 1, 2))) std::string formatText(const char* format, ...);

// Bounds log lines that a guest can trigger: `allow()` is true for the first `kBurst` calls
// and then at every doubling of the count. One per device; not thread-safe.
class LogLimiter {
public:
    bool allow() {
        ++m_count;
        return m_count <= kBurst || (m_count & (m_count - 1)) == 0;
    }

private:
    static constexpr uint64_t kBurst = 16;
    uint64_t m_count = 0;
};

} // namespace vivarium
