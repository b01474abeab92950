#include "vmm/devices/legacy/debug_console.h"

#include <utility>

namespace vivarium {

namespace {
constexpr uint8_t kPresenceMark = 0xE9; // what firmware probes for before it logs
}

Result<std::unique_ptr<DebugConsole>> DebugConsole::create(PortBus& ports, LineSink sink) {
    std::unique_ptr<DebugConsole> console(new DebugConsole(std::move(sink)));
    console->m_mapping = TRY(
        ports.map("debug-console", kPort, 1,
                  byteIoHandler<&DebugConsole::readPort, &DebugConsole::writePort>(console.get())));
    return console;
}

uint8_t DebugConsole::readPort(uint64_t) {
    return kPresenceMark;
}

void DebugConsole::writePort(uint64_t, uint8_t value) {
    if (value == '\n') {
        flushLine();
        return;
    }
    if (value == '\r' || value == 0)
        return;
    if (m_state.line.size() >= kMaxLineBytes)
        flushLine();
    m_state.line += static_cast<char>(value);
}

void DebugConsole::flushLine() {
    std::string line = std::exchange(m_state.line, {});
    if (m_totalBytes >= kMaxTotalBytes || !m_sink)
        return;
    m_totalBytes += line.size() + 1;
    m_sink(line);
    if (m_totalBytes >= kMaxTotalBytes)
        m_sink("[further output of the firmware is dropped]");
}

void DebugConsole::reset() {
    if (!m_state.line.empty())
        flushLine();
}

void DebugConsole::save(StateWriter& writer) const {
    writer.beginSection(name(), stateVersion());
    writer.fields(m_state.line);
}

Result<void> DebugConsole::restore(StateReader& reader) {
    auto state = readState(reader);
    m_state = state ? std::move(*state) : State();
    return state ? Result<void>() : state.error();
}

Result<DebugConsole::State> DebugConsole::readState(StateReader& reader) const {
    TRY(reader.enterSection(name(), stateVersion()));
    State state;
    TRY(reader.fields(state.line));
    if (state.line.size() > kMaxLineBytes ||
        state.line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
        return fail(ErrorCode::Corrupt, "debug-console: saved state out of range");
    return state;
}

} // namespace vivarium
