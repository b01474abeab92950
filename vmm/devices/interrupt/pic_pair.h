#pragma once

#include <array>
#include <cstdint>

namespace vivarium {

// Two Intel 8259A interrupt controllers, the second cascaded into input 2 of the first, with the
// edge/level registers of PC chipsets (ICH9 datasheet, 13.4 and 13.7). Owner: InterruptChips, whose
// mutex guards it; calls nobody.
class PicPair {
public:
    static constexpr unsigned kChips = 2, kInputs = 8;

    // One controller. Where an 8259A remembers a request, so does `requests`: for an edge input
    // until it is acknowledged, for a level input while the line is high.
    struct Chip {
        uint8_t lines = 0; // what the inputs were last, to see edges
        uint8_t requests = 0;
        uint8_t mask = 0;
        uint8_t inService = 0;
        uint8_t highestPriority = 0; // the input that wins; rotates
        uint8_t vectorBase = 0;
        uint8_t readsInService = 0; // OCW3: what the even port reads
        uint8_t poll = 0;           // OCW3: the next read acknowledges
        uint8_t specialMask = 0;
        uint8_t initStep = 0; // 0: none expected, else the number of the next ICW (2, 3, 4) minus 1
        uint8_t autoEoi = 0;
        uint8_t rotateOnAutoEoi = 0;
        uint8_t specialFullyNested = 0;
        uint8_t needsIcw4 = 0;
        uint8_t levelInputs = 0; // ELCR
        bool operator==(const Chip&) const = default;
    };
    struct State {
        std::array<Chip, kChips> chips{};
        bool operator==(const State&) const = default;
    };

    const State& state() const { return m_state; }
    // Any bytes: indices are masked as the chip has them.
    void setState(const State& state);
    void reset() { m_state = {}; }

    // ISA interrupt 0..15; 2 is the cascade and not to be had.
    void setLine(unsigned input, bool high);

    // Offset 0 or 1 of chip 0 (port 0x20) or 1 (port 0xA0).
    uint8_t read(unsigned chip, unsigned offset);
    void write(unsigned chip, unsigned offset, uint8_t value);
    uint8_t readElcr(unsigned chip) const { return m_state.chips[chip].levelInputs; }
    void writeElcr(unsigned chip, uint8_t value);

    // The wire to the processor.
    bool output() const { return pending(0) >= 0; }
    // Both acknowledge cycles: the vector. Without a request the spurious one, input 7's (8259A,
    // "Default IR7").
    uint8_t acknowledge();

private:
    // The input that would interrupt now, or -1.
    int pending(unsigned chip) const;
    static int highest(const Chip& chip, uint8_t inputs);
    void acknowledgeInput(Chip& chip, unsigned input);
    void endOfInterrupt(Chip& chip, uint8_t command);
    void writeCommand(unsigned chip, uint8_t value);
    uint8_t pollRead(unsigned chip);
    void cascade();

    State m_state;
};

} // namespace vivarium
