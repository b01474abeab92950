#pragma once

#include "vmm/machine/qtest/qtest_machine.h"

#include <string>
#include <string_view>
#include <vector>

namespace vivarium {

// QEMU's qtest text protocol on a QtestMachine: port and memory accesses, the clock, interrupt
// lines. One command a line; README.md lists them. One thread.
class QtestProtocol {
public:
    static constexpr size_t kMaxTransferBytes = 16 << 20; // of one read, write or memset
    static constexpr size_t kMaxLineBytes = 2 * kMaxTransferBytes + 4096;

    explicit QtestProtocol(QtestMachine& machine) : m_machine(machine) {}

    // Executes a command (without its LF) and returns the lines that answer it, each with its LF:
    // first "IRQ raise N" and "IRQ lower N" for intercepted lines, then "OK ..." or "FAIL ...".
    std::string execute(std::string_view line);

private:
    using Words = std::vector<std::string_view>;

    Result<std::string> dispatch(const Words& words);
    Result<std::string> accessPort(const Words& words);
    Result<std::string> accessMemory(const Words& words);
    Result<std::string> readBlock(const Words& words);
    Result<std::string> writeBlock(const Words& words);
    Result<std::string> fillBlock(const Words& words);
    Result<std::string> moveClock(const Words& words);

    QtestMachine& m_machine;
    bool m_intercepting = false;
};

} // namespace vivarium
