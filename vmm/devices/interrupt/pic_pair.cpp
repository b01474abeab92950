#include "vmm/devices/interrupt/pic_pair.h"

namespace vivarium {

namespace {

constexpr unsigned kCascade = 2;
// Inputs that may be level-triggered: not the timer, keyboard, cascade, clock and coprocessor
// (ICH9 datasheet, 13.4.12 and 13.4.13).
constexpr std::array<uint8_t, PicPair::kChips> kElcrMask{0xF8, 0xDE};
// The slave's number on the cascade, that ICW3 of a PC gives, is fixed by the wiring.
constexpr uint8_t kSpurious = 7;

uint8_t bit(unsigned input) {
    return static_cast<uint8_t>(1u << input);
}

} // namespace

void PicPair::setState(const State& state) {
    m_state = state;
    for (unsigned i = 0; i < kChips; ++i) {
        Chip& chip = m_state.chips[i];
        chip.highestPriority &= 7;
        chip.vectorBase &= 0xF8;
        chip.initStep = chip.initStep > 3 ? 0 : chip.initStep;
        chip.levelInputs &= kElcrMask[i];
        for (uint8_t* flag : {&chip.readsInService, &chip.poll, &chip.specialMask, &chip.autoEoi,
                              &chip.rotateOnAutoEoi, &chip.specialFullyNested, &chip.needsIcw4})
            *flag = *flag != 0;
    }
}

void PicPair::setLine(unsigned input, bool high) {
    if (input >= kChips * kInputs || input == kCascade)
        return;
    Chip& chip = m_state.chips[input / kInputs];
    const uint8_t pin = bit(input % kInputs);
    if (chip.levelInputs & pin) {
        chip.requests = static_cast<uint8_t>(high ? chip.requests | pin : chip.requests & ~pin);
    } else if (high && !(chip.lines & pin)) {
        chip.requests |= pin;
    }
    chip.lines = static_cast<uint8_t>(high ? chip.lines | pin : chip.lines & ~pin);
    cascade();
}

// The slave's output is the master's input 2.
void PicPair::cascade() {
    Chip& master = m_state.chips[0];
    if (pending(1) >= 0) {
        master.requests |= bit(kCascade);
        master.lines |= bit(kCascade);
    } else {
        master.requests &= static_cast<uint8_t>(~bit(kCascade));
        master.lines &= static_cast<uint8_t>(~bit(kCascade));
    }
}

// The input of highest priority among `inputs`, or -1.
int PicPair::highest(const Chip& chip, uint8_t inputs) {
    for (unsigned i = 0; i < kInputs; ++i) {
        const unsigned input = (chip.highestPriority + i) % kInputs;
        if (inputs & bit(input))
            return static_cast<int>(input);
    }
    return -1;
}

int PicPair::pending(unsigned index) const {
    const Chip& chip = m_state.chips[index];
    const int wanted = highest(chip, static_cast<uint8_t>(chip.requests & ~chip.mask));
    if (wanted < 0)
        return -1;
    uint8_t blocking = chip.inService;
    if (chip.specialMask) // 8259A, "Special Mask Mode": what is masked blocks nothing
        blocking &= static_cast<uint8_t>(~chip.mask);
    if (chip.specialFullyNested && index == 0) // a slave may interrupt its own service
        blocking &= static_cast<uint8_t>(~bit(kCascade));
    const int serving = highest(chip, blocking);
    if (serving < 0)
        return wanted;
    auto rank = [&](int input) {
        return (static_cast<unsigned>(input) + kInputs - chip.highestPriority) % kInputs;
    };
    return rank(wanted) < rank(serving) ? wanted : -1;
}

void PicPair::acknowledgeInput(Chip& chip, unsigned input) {
    if (chip.autoEoi) {
        if (chip.rotateOnAutoEoi)
            chip.highestPriority = static_cast<uint8_t>((input + 1) % kInputs);
    } else {
        chip.inService |= bit(input);
    }
    if (!(chip.levelInputs & bit(input)))
        chip.requests &= static_cast<uint8_t>(~bit(input));
}

uint8_t PicPair::acknowledge() {
    Chip& master = m_state.chips[0];
    const int input = pending(0);
    if (input < 0)
        return master.vectorBase | kSpurious;
    acknowledgeInput(master, static_cast<unsigned>(input));
    uint8_t vector = master.vectorBase | static_cast<uint8_t>(input);
    if (input == static_cast<int>(kCascade)) {
        Chip& slave = m_state.chips[1];
        const int slaveInput = pending(1);
        if (slaveInput >= 0)
            acknowledgeInput(slave, static_cast<unsigned>(slaveInput));
        vector =
            slave.vectorBase | (slaveInput >= 0 ? static_cast<uint8_t>(slaveInput) : kSpurious);
    }
    cascade();
    return vector;
}

// 8259A, "Poll Command": the read is an acknowledge cycle.
uint8_t PicPair::pollRead(unsigned index) {
    Chip& chip = m_state.chips[index];
    chip.poll = 0;
    const int input = pending(index);
    if (input < 0)
        return 0;
    acknowledgeInput(chip, static_cast<unsigned>(input));
    cascade();
    return static_cast<uint8_t>(0x80 | input);
}

uint8_t PicPair::read(unsigned index, unsigned offset) {
    Chip& chip = m_state.chips[index];
    if (chip.poll)
        return pollRead(index);
    if (offset == 1)
        return chip.mask;
    return chip.readsInService ? chip.inService : chip.requests;
}

void PicPair::writeElcr(unsigned index, uint8_t value) {
    m_state.chips[index].levelInputs = value & kElcrMask[index];
}

// OCW2 (8259A, "Operation Command Words"): rotate, specific, end of interrupt.
void PicPair::endOfInterrupt(Chip& chip, uint8_t command) {
    const unsigned level = command & 7;
    switch (command >> 5) {
    case 0:
    case 4: // rotate in automatic EOI mode: clear, set
        chip.rotateOnAutoEoi = command >> 5 == 4;
        break;
    case 1:
    case 5: { // non-specific
        uint8_t serving = chip.inService;
        if (chip.specialMask) // masked service is left alone
            serving &= static_cast<uint8_t>(~chip.mask);
        const int ended = highest(chip, serving);
        if (ended < 0)
            break;
        chip.inService &= static_cast<uint8_t>(~bit(static_cast<unsigned>(ended)));
        if (command >> 5 == 5)
            chip.highestPriority = static_cast<uint8_t>((ended + 1) % static_cast<int>(kInputs));
        break;
    }
    case 3:
    case 7: // specific
        chip.inService &= static_cast<uint8_t>(~bit(level));
        if (command >> 5 == 7)
            chip.highestPriority = static_cast<uint8_t>((level + 1) % kInputs);
        break;
    case 6: // set priority
        chip.highestPriority = static_cast<uint8_t>((level + 1) % kInputs);
        break;
    default:
        break;
    }
}

void PicPair::writeCommand(unsigned index, uint8_t value) {
    Chip& chip = m_state.chips[index];
    if (value & 0x10) { // ICW1; its trigger bit is replaced by the ELCR
        const Chip before = chip;
        chip = {};
        chip.levelInputs = before.levelInputs;
        chip.vectorBase = before.vectorBase;
        // The edge sense is reset: only what is level-triggered still asks.
        chip.requests = before.requests & before.levelInputs;
        chip.initStep = 1;
        chip.needsIcw4 = value & 1;
        return;
    }
    if (!(value & 8))
        return endOfInterrupt(chip, value);
    if (value & 0x40) // OCW3
        chip.specialMask = value >> 5 & 1;
    chip.poll = value >> 2 & 1;
    if (value & 2)
        chip.readsInService = value & 1;
}

void PicPair::write(unsigned index, unsigned offset, uint8_t value) {
    Chip& chip = m_state.chips[index];
    if (offset == 0) {
        writeCommand(index, value);
    } else {
        switch (chip.initStep) {
        case 0:
            chip.mask = value;
            break;
        case 1: // ICW2
            chip.vectorBase = value & 0xF8;
            chip.initStep = 2;
            break;
        case 2: // ICW3 tells how the two are wired, which is fixed
            chip.initStep = chip.needsIcw4 ? 3 : 0;
            break;
        default: // ICW4
            chip.specialFullyNested = value >> 4 & 1;
            chip.autoEoi = value >> 1 & 1;
            chip.initStep = 0;
            break;
        }
    }
    cascade();
}

} // namespace vivarium
