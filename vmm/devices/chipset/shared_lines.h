#pragma once

#include "vmm/bus/interrupt_sink.h"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace vivarium {

// Wired-or of interrupt lines: an InterruptSink knows one level a line, but the PIRQ router, the
// HPET and the SCI may share one. Each source gets a sink of its own; the line is high while any
// source holds it. Owner: the machine, outlives the sources. Device lock.
class SharedLines {
public:
    explicit SharedLines(InterruptSink& sink) : m_sink(sink) {}

    // A further source, at most 32; lives as long as this object.
    InterruptSink& addSource();

private:
    static constexpr uint32_t kLines = 24;
    class Source final : public InterruptSink {
    public:
        Source(SharedLines& lines, uint32_t bit) : m_lines(lines), m_bit(bit) {}
        void setLine(uint32_t gsi, Level level) override { m_lines.set(m_bit, gsi, level); }
        void sendMessage(uint64_t address, uint32_t data) override {
            m_lines.m_sink.sendMessage(address, data);
        }

    private:
        SharedLines& m_lines;
        uint32_t m_bit;
    };

    void set(uint32_t sourceBit, uint32_t gsi, InterruptSink::Level level);

    InterruptSink& m_sink;
    std::vector<std::unique_ptr<Source>> m_sources;
    std::array<uint32_t, kLines> m_holders{}; // one bit a source
};

} // namespace vivarium
