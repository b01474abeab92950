#include "vmm/machine/qtest/qtest_protocol.h"

#include "vmm/base/bytes.h"
#include "vmm/base/log.h"
#include "vmm/machine/qtest/base64.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace vivarium {

namespace {

// Decimal, 0x hexadecimal or 0 octal, as strtoull takes them.
Result<uint64_t> number(std::string_view word) {
    const std::string text(word);
    char* end = nullptr;
    errno = 0;
    const uint64_t value = std::strtoull(text.c_str(), &end, 0);
    if (text.empty() || *end != '\0' || errno != 0)
        return fail(ErrorCode::InvalidArgument, "'" + text.substr(0, 40) + "' is not a number");
    return value;
}

Result<std::string_view> word(const std::vector<std::string_view>& words, size_t index) {
    if (index >= words.size())
        return fail(ErrorCode::InvalidArgument, "the command needs more arguments");
    return words[index];
}

Result<uint64_t> numberAt(const std::vector<std::string_view>& words, size_t index) {
    return number(TRY(word(words, index)));
}

// Length of a block, and that it does not run over the end of the address space.
Result<size_t> blockLength(const std::vector<std::string_view>& words, uint64_t address) {
    const uint64_t length = TRY(numberAt(words, 2));
    if (length > QtestProtocol::kMaxTransferBytes || !checkedAdd(address, length))
        return fail(ErrorCode::LimitExceeded, "the size is too large");
    return static_cast<size_t>(length);
}

// Access size by the last letter of the command.
unsigned sizeOf(char letter) {
    switch (letter) {
    case 'b':
        return 1;
    case 'w':
        return 2;
    case 'l':
        return 4;
    default:
        return 8;
    }
}

int hexDigit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

Result<std::vector<uint8_t>> fromHex(std::string_view text, size_t length) {
    if (text.size() < 2 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return fail(ErrorCode::InvalidArgument, "the data does not begin with 0x");
    text.remove_prefix(2);
    if (text.size() > 2 * length || text.size() % 2 != 0)
        return fail(ErrorCode::InvalidArgument, "the data is longer than the size");
    std::vector<uint8_t> bytes(length); // what the text lacks is zero
    for (size_t i = 0; i < text.size(); i += 2) {
        const int high = hexDigit(text[i]);
        const int low = hexDigit(text[i + 1]);
        if (high < 0 || low < 0)
            return fail(ErrorCode::InvalidArgument, "the data is not hexadecimal");
        bytes[i / 2] = static_cast<uint8_t>(high << 4 | low);
    }
    return bytes;
}

std::string toHex(const std::vector<uint8_t>& bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text = "0x";
    text.reserve(2 + 2 * bytes.size());
    for (uint8_t byte : bytes) {
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

std::vector<std::string_view> split(std::string_view line) {
    std::vector<std::string_view> words;
    for (size_t at = 0; at < line.size();) {
        const size_t start = line.find_first_not_of(" \t\r", at);
        if (start == std::string_view::npos)
            break;
        const size_t end = std::min(line.find_first_of(" \t\r", start), line.size());
        words.push_back(line.substr(start, end - start));
        at = end;
    }
    return words;
}

} // namespace

std::string QtestProtocol::execute(std::string_view line) {
    const Words words = split(line);
    if (words.empty())
        return {};
    const auto result = dispatch(words);
    std::string reply;
    for (const auto& change : m_machine.takeInterruptChanges())
        if (m_intercepting)
            reply += formatText("IRQ %s %u\n", change.high ? "raise" : "lower", change.gsi);
    m_machine.takeMessages();
    if (result)
        return reply + "OK" + (result->empty() ? "" : " " + *result) + "\n";
    return reply + "FAIL " + result.error().detail + "\n";
}

Result<std::string> QtestProtocol::dispatch(const Words& words) {
    const std::string_view command = words[0];
    if (command == "outb" || command == "outw" || command == "outl" || command == "inb" ||
        command == "inw" || command == "inl")
        return accessPort(words);
    if (command == "writeb" || command == "writew" || command == "writel" || command == "writeq" ||
        command == "readb" || command == "readw" || command == "readl" || command == "readq")
        return accessMemory(words);
    if (command == "read" || command == "b64read")
        return readBlock(words);
    if (command == "write" || command == "b64write")
        return writeBlock(words);
    if (command == "memset")
        return fillBlock(words);
    if (command == "clock_step" || command == "clock_set")
        return moveClock(words);
    if (command == "irq_intercept_in" || command == "irq_intercept_out") {
        // There is one set of lines, the global system interrupts, whatever the path names.
        TRY(word(words, 1));
        m_intercepting = true;
        return std::string();
    }
    if (command == "set_irq_in") { // the lines that matter belong to devices; nothing to drive
        for (size_t i = 1; i <= 4; ++i)
            TRY(word(words, i));
        return std::string();
    }
    if (command == "endianness")
        return std::string("little");
    return fail(ErrorCode::Unsupported,
                "Unknown command '" + std::string(command.substr(0, 40)) + "'");
}

Result<std::string> QtestProtocol::accessPort(const Words& words) {
    const unsigned sizeBytes = sizeOf(words[0].back());
    const uint64_t port = TRY(numberAt(words, 1));
    if (port > 0xFFFF)
        return fail(ErrorCode::InvalidArgument, "the port is above 0xffff");
    if (words[0].starts_with("out")) {
        const uint64_t value = TRY(numberAt(words, 2));
        m_machine.writePort(static_cast<uint16_t>(port), sizeBytes,
                            static_cast<uint32_t>(value & accessMask(sizeBytes)));
        return std::string();
    }
    return formatText("0x%04x", m_machine.readPort(static_cast<uint16_t>(port), sizeBytes));
}

Result<std::string> QtestProtocol::accessMemory(const Words& words) {
    const unsigned sizeBytes = sizeOf(words[0].back());
    const uint64_t address = TRY(numberAt(words, 1));
    if (!checkedAdd(address, sizeBytes))
        return fail(ErrorCode::InvalidArgument, "the address is too large");
    uint8_t bytes[8] = {};
    if (words[0].starts_with("write")) {
        storeLe<uint64_t>(bytes, TRY(numberAt(words, 2)));
        m_machine.writeMemory(address, {bytes, sizeBytes});
        return std::string();
    }
    m_machine.readMemory(address, {bytes, sizeBytes});
    return formatText("0x%016llx", static_cast<unsigned long long>(loadLe<uint64_t>(bytes)));
}

Result<std::string> QtestProtocol::readBlock(const Words& words) {
    const uint64_t address = TRY(numberAt(words, 1));
    std::vector<uint8_t> bytes(TRY(blockLength(words, address)));
    m_machine.readMemory(address, bytes);
    return words[0] == "read" ? toHex(bytes) : toBase64(bytes);
}

Result<std::string> QtestProtocol::writeBlock(const Words& words) {
    const uint64_t address = TRY(numberAt(words, 1));
    const size_t length = TRY(blockLength(words, address));
    const std::string_view data = TRY(word(words, 3));
    std::vector<uint8_t> bytes;
    if (words[0] == "write") {
        bytes = TRY(fromHex(data, length));
    } else {
        bytes = TRY(fromBase64(data));
        bytes.resize(length);
    }
    m_machine.writeMemory(address, bytes);
    return std::string();
}

Result<std::string> QtestProtocol::fillBlock(const Words& words) {
    const uint64_t address = TRY(numberAt(words, 1));
    const size_t length = TRY(blockLength(words, address));
    const uint64_t pattern = TRY(numberAt(words, 3));
    const std::vector<uint8_t> bytes(length, static_cast<uint8_t>(pattern));
    m_machine.writeMemory(address, bytes);
    return std::string();
}

Result<std::string> QtestProtocol::moveClock(const Words& words) {
    if (words[0] == "clock_set") {
        m_machine.advanceTo(TRY(numberAt(words, 1)));
    } else if (words.size() > 1) {
        const auto target = checkedAdd(m_machine.nowNs(), TRY(numberAt(words, 1)));
        if (!target || *target > static_cast<uint64_t>(INT64_MAX))
            return fail(ErrorCode::InvalidArgument, "the clock would overflow");
        m_machine.advanceTo(*target);
    } else if (const auto deadline = m_machine.nextDeadlineNs()) {
        m_machine.advanceTo(*deadline);
    }
    return std::to_string(m_machine.nowNs());
}

} // namespace vivarium
